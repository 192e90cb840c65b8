/** A text that may hold anything, for a line of Markdown: it reads as it is, and makes no link, image, table or tag. */
export function escapeMarkdown(text: string): string {
  // Every ASCII punctuation mark may be escaped (CommonMark 2.4); controls, and what turns the direction of writing for good, are shown as symbols.
  return text
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '�')
    .replace(/[!-/:-@[-`{-~]/g, '\\$&');
}

/** A link that runs a command with one argument. */
export function commandLink(label: string, command: string, argument: unknown, title: string): string {
  // Parentheses and quotes, which `encodeURIComponent` leaves, would end the address.
  const query = encodeURIComponent(JSON.stringify([argument])).replace(/[()'!*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  return `[${escapeMarkdown(label)}](command:${command}?${query} "${escapeMarkdown(title)}")`;
}
