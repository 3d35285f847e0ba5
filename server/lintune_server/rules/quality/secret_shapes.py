"""What secrets look like: the patterns of detect-secrets (Yelp), and shapes that are newer than it.

The newer ones are after what each service documents of its keys, and after the rules of gitleaks.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from lintune_server.lint.patterns import lazily

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    needles: tuple[bytes, ...]
    """Of which one stands in each text that has such a secret, written just so."""
    pattern: str = ""
    """Of a secret, or of what surrounds it with the secret as the group."""
    plugin: str = ""
    """In the place of a pattern: module and class of detect-secrets whose patterns are taken."""

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        # Importing detect-secrets takes a tenth of a second: not for a word that only begins like a secret.
        if not self.plugin or _gate(self).search(text):
            for pattern in _compiled(self):
                yield from pattern.finditer(text)


@cache
def _gate(shape: Shape) -> re.Pattern[str]:
    needles = "|".join(re.escape(needle.decode()) for needle in shape.needles)
    return re.compile(rf"(?:{needles})[\w.:/+-]{{16,}}")


@cache
def _compiled(shape: Shape) -> tuple[re.Pattern[str], ...]:
    if not shape.plugin:
        return (re.compile(shape.pattern),)
    module, _, name = shape.plugin.partition(".")
    patterns: list[re.Pattern[str]] = getattr(import_module(f"detect_secrets.plugins.{module}"), name).denylist
    return tuple(patterns)


SHAPES = (
    Shape("an AWS access key", (b"AKIA", b"ASIA", b"ABIA", b"ACCA"), r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}"),
    Shape(
        "an AWS secret key",
        (b"aws_secret", b"AWS_SECRET", b"awsSecret", b"AwsSecret", b"aws-secret", b"AWSSecret"),
        r"(?i)aws[_-]?secret[_-]?(?:access[_-]?)?key[\"']?\s*[:=]\s*[\"']?([0-9a-z/+]{40})(?![0-9a-z/+=])",
    ),
    Shape("an Azure storage key", (b"AccountKey=",), plugin="azure_storage_key.AzureStorageKeyDetector"),
    Shape("a GitHub token", (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), plugin="github_token.GitHubTokenDetector"),
    Shape("a GitHub token", (b"github_pat_",), r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"),
    Shape(
        "a GitLab token",
        (
            *(b"glpat-", b"gldt-", b"glft-", b"glsoat-", b"glrt-", b"GR1348941"),
            *(b"glcbt-", b"glimt-", b"glptt-", b"glagent-", b"gloas-"),
        ),
        plugin="gitlab_token.GitLabTokenDetector",
    ),
    Shape("an OpenAI key", (b"T3BlbkFJ",), r"sk-[A-Za-z0-9_-]*?[A-Za-z0-9_-]{20,74}T3BlbkFJ[A-Za-z0-9_-]{20,74}"),
    Shape("an Anthropic key", (b"sk-ant-",), r"sk-ant-(?:api|admin|oat|sid)\d\d-[A-Za-z0-9_-]{80,110}"),
    Shape("an OpenRouter key", (b"sk-or-v1-",), r"sk-or-v1-[0-9a-f]{64}"),
    Shape("a Hugging Face token", (b"hf_", b"api_org_"), r"(?:hf|api_org)_[A-Za-z]{34}"),
    Shape("a Groq key", (b"gsk_",), r"gsk_[A-Za-z0-9]{52}"),
    Shape("an xAI key", (b"xai-",), r"xai-[A-Za-z0-9]{80}"),
    Shape("a Perplexity key", (b"pplx-",), r"pplx-[A-Za-z0-9]{48,56}"),
    Shape("a Replicate token", (b"r8_",), r"r8_[A-Za-z0-9]{37}"),
    Shape("a LangSmith key", (b"lsv2_",), r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    Shape("a Google API key", (b"AIza",), r"AIza[0-9A-Za-z_-]{35}"),
    Shape("a Google client secret", (b"GOCSPX-",), r"GOCSPX-[0-9A-Za-z_-]{28}"),
    Shape("a Google access token", (b"ya29.",), r"ya29\.[0-9A-Za-z_-]{60,}"),
    Shape("a Slack token", (b"xoxa-", b"xoxb-", b"xoxp-", b"xoxo-", b"xoxs-", b"xoxr-"), plugin="slack.SlackDetector"),
    Shape("a Slack token", (b"xapp-",), r"xapp-\d-[A-Z0-9]{9,}-\d{9,}-[a-f0-9]{60,}"),
    Shape("a Slack token", (b"xoxe-", b"xoxe."), r"xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{140,}"),
    Shape("a Slack webhook", (b"hooks.slack.com",), plugin="slack.SlackDetector"),
    Shape("a Discord token", (b"iscord", b"DISCORD"), r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}"),
    Shape("a Discord webhook", (b"iscord",), r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,}"),
    Shape("a Telegram bot token", (b":AA",), plugin="telegram_token.TelegramBotTokenDetector"),
    Shape("a Stripe key", (b"sk_live_", b"rk_live_"), r"[sr]k_live_[0-9a-zA-Z]{24,247}"),
    Shape("a Stripe webhook secret", (b"whsec_",), r"whsec_[0-9a-zA-Z+/]{32,}"),
    Shape("a Square secret", (b"sq0csp-",), plugin="square_oauth.SquareOAuthDetector"),
    Shape("a Square token", (b"sq0atp-", b"EAAA"), r"(?:sq0atp-[0-9A-Za-z_-]{22}|EAAA[lE][0-9A-Za-z_-]{59})"),
    Shape("a SendGrid key", (b"SG.",), plugin="sendgrid.SendGridDetector"),
    Shape("a Mailchimp key", (b"-us",), r"[0-9a-f]{32}-us\d{1,2}"),
    Shape("a Mailgun key", (b"ailgun", b"MAILGUN"), r"(?<![\w-])key-[0-9a-f]{32}"),
    Shape("an npm token", (b"npm_",), r"npm_[A-Za-z0-9]{36}"),
    Shape("a PyPI token", (b"pypi-AgE",), plugin="pypi_token.PypiTokenDetector"),
    Shape("a RubyGems key", (b"rubygems_",), r"rubygems_[0-9a-f]{48}"),
    Shape("a Docker Hub token", (b"dckr_pat_", b"dckr_oat_"), r"dckr_[po]at_[A-Za-z0-9_-]{27,32}"),
    Shape("a DigitalOcean token", (b"dop_v1_", b"doo_v1_", b"dor_v1_"), r"do[por]_v1_[0-9a-f]{64}"),
    Shape("a Shopify token", (b"shpat_", b"shpca_", b"shppa_", b"shpss_"), r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Shape("a Databricks token", (b"dapi",), r"dapi[0-9a-f]{32}(?:-\d)?"),
    Shape("a Linear key", (b"lin_api_",), r"lin_api_[A-Za-z0-9]{40}"),
    Shape("a Notion token", (b"ntn_",), r"ntn_[0-9]{11}[A-Za-z0-9]{35}"),
    Shape("a Postman key", (b"PMAK-",), r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    Shape("a New Relic key", (b"NRAK-",), r"NRAK-[A-Z0-9]{27}"),
    Shape("a Grafana token", (b"glsa_", b"glc_"), r"(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,400})"),
    Shape("a Sentry token", (b"sntrys_", b"sntryu_"), r"(?:sntryu_[0-9a-f]{64}|sntrys_eyJ[A-Za-z0-9+/=_]{40,})"),
    Shape("an Atlassian token", (b"ATATT3", b"ATCTT3"), r"AT[AC]TT3[A-Za-z0-9_=-]{60,}"),
    Shape("a HashiCorp Vault token", (b"hvs.", b"hvb."), r"hv[sb]\.[A-Za-z0-9_-]{24,300}"),
    Shape("a Terraform token", (b".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    Shape("a Doppler token", (b"dp.pt.",), r"dp\.pt\.[A-Za-z0-9]{43}"),
    Shape("a Supabase token", (b"sbp_",), r"sbp_[0-9a-f]{40}"),
    Shape("a PlanetScale password", (b"pscale_",), r"pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{32,64}"),
    Shape("a Figma token", (b"figd_",), r"figd_[A-Za-z0-9_-]{40}"),
    Shape("an age key", (b"AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
)  # fmt: skip

TWILIO = Shape("a Twilio key", (b"SK",), r"SK[0-9a-f]{32}")
"""What it begins with is in too many words for a search without case."""

_MADE_UP = lazily(
    r"example|sample|dummy|fake|test|your|placeholder|changeme|redacted|insert|secret|token|"
    r"xxxx|(.)\1{5}|1234567|7654321|abcdefg|qwerty|deadbeef|cafebabe",
    re.IGNORECASE,
)
_LEAST_ENTROPY = 2.9
"""Bits a character. Of 24 or more random hexadecimal digits fewer than one in ten thousand has less."""


def is_made_up(secret: str) -> bool:
    """Whether it is there to show the shape, as in documentation."""
    if _MADE_UP.search(secret) or entropy(secret) < _LEAST_ENTROPY:
        return True
    letters = "".join(filter(str.isalpha, secret)).lower()
    digits = "".join(filter(str.isdigit, secret))
    return "abcdef" in letters and "123456" in digits


def entropy(text: str) -> float:
    """Of its characters, in bits."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_PUTTY = re.compile(r"PuTTY-User-Key-File-[23]:")
_KEY_LINE = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_END = re.compile(r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 16_000
"""Characters: one of 16,384 bits has 13,000."""


def private_keys(text: str) -> Iterator[tuple[int, int]]:
    """Keys with what makes them one: the first line alone stands in many programs."""
    for pattern in (_PEM, _PUTTY):
        for match in pattern.finditer(text):
            limit = match.end() + _LONGEST_KEY
            other = text.find("-----BEGIN", match.end(), limit)
            end = _END.search(text, match.end(), limit if other < 0 else other)
            contents = text[match.end() : end.start() if end else limit if other < 0 else other]
            lines = [line for line in _KEY_LINE.finditer(contents) if _is_random(line.group())]
            if lines:
                yield match.start(), end.end() if end else match.end() + lines[-1].end()


def _is_random(line: str) -> bool:
    return entropy(line) > 4 and not _MADE_UP.search(line)


_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.(eyJ[\w-]{8,})\.[\w-]{20,}")

_CLAIMS = re.compile(rb'"(?:iss|sub|aud|exp|nbf|iat|jti|email|role|scope|user_?id|uid)"\s*:')


def json_web_tokens(text: str) -> Iterator[tuple[int, int]]:
    """Signed ones that claim something. Documentation shows John Doe's, number 1234567890, or `{"some": "payload"}`."""
    for match in _JWT.finditer(text):
        from detect_secrets.plugins.jwt import JwtTokenDetector

        payload = _decoded(match[1])
        shown = b"1234567890" in payload or b"John Doe" in payload or not _CLAIMS.search(payload)
        if JwtTokenDetector.is_formally_valid(match[0]) and not shown:
            yield match.span()


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return b""


_USER_AND_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]{1,30}://([^\s:/@'\"<>]*):([^\s:/@'\"<>]{3,200})@([A-Za-z0-9.-]+)")
_NO_PASSWORD = re.compile(
    r"pass|secret|token|changeme|example|user|admin|root|test|your|xxx|123456|guest|postgres|"
    r"^(?:pw|my|123|abc|foo|key|anon)|[\[\]{}$*<>…]|\.\.\.",
    re.IGNORECASE,
)
_NO_USER = frozenset(("user", "username", "name", "login", "me", "test", "foo", "anonymous", "your_username"))
_NO_HOST = re.compile(
    r"(?:^|\.)(?:example|test|localhost|invalid|local)(?:\.\w+)?$|^127\.|^0\.0\.0\.0|your|my|host|domain|server"
)


def passwords_in_urls(text: str) -> Iterator[tuple[int, int]]:
    """Those of real machines, not those of manuals (`user:password@localhost`)."""
    for match in _USER_AND_PASSWORD.finditer(text):
        user, password, host = match.groups()
        documented = (
            user.lower() in _NO_USER
            or _NO_PASSWORD.search(password)
            or _NO_HOST.search(host.lower())
            or "." not in host
        )
        if not documented and password.lower() != user.lower():
            yield match.span(2)
