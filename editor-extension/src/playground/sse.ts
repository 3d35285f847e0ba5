// Server-sent events, as they come in pieces. https://html.spec.whatwg.org/multipage/server-sent-events.html

/** Takes a stream's text in any pieces; gives the data of the events that are whole. */
export class EventStream {
  private rest = "";
  private data: string[] = [];

  /** The data of each event that this piece completes. */
  take(piece: string): string[] {
    this.rest += piece;
    const events: string[] = [];
    for (;;) {
      const end = /\r\n|\n|\r(?=[^])/.exec(this.rest); // a \r at the end may be half of a \r\n
      if (end === null) {
        return events;
      }
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      if (line !== "") {
        this.read(line);
      } else if (this.data.length > 0) {
        events.push(this.data.join("\n"));
        this.data = [];
      }
    }
  }

  private read(line: string): void {
    const field = /^data(?:: ?(.*))?$/s.exec(line);
    if (field) {
      this.data.push(field[1] ?? "");
    }
  }
}
