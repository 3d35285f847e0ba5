// The pages that we show: scripts and styles come from the extension alone, and nothing from a network.
import { randomBytes } from "node:crypto";

import * as vscode from "vscode";

/** A page of out/webviews, by its name; `body` is trusted HTML. Scripts run by a nonce, styles come from files. */
export function pageOf(webview: vscode.Webview, extension: vscode.Uri, name: string, title: string, body = ""): string {
  const nonce = randomBytes(16).toString("base64url");
  const file = (ending: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(extension, "out", "webviews", `${name}.${ending}`)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    `img-src ${webview.cspSource} data:`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${file("css")}">
<title>${title}</title>
</head>
<body>${body}<script nonce="${nonce}" src="${file("js")}"></script></body>
</html>`;
}

/** What a page may load. */
export function webviewOptions(extension: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extension, "out", "webviews")] };
}
