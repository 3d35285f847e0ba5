"""From text to findings. Knows no protocol: bytes → lines → samples → findings, one way."""
