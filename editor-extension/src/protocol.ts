// What the extension and the server must agree on beyond LSP itself.

/** Raised when a request or notification of ours changes its meaning; the server says which it speaks. */
export const PROTOCOL = 1;
