/** What compiled cells call: {@link WAIT} ends an await when the cell is interrupted, {@link CHECK} a round of a `for await`. */
export const WAIT = '__objectiveLabWait';
export const CHECK = '__objectiveLabCheck';
