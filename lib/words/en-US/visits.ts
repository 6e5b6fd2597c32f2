export const visits = {
  cannotOpen: `the visits cannot be opened`,
  noCursor: `the cursor is none: use "next" of the page before as it is.`,
  busy: `more than {most} visits wait to be written: look whether the disk is slow or full.`,
  badRecords: `{number} visits in {folder} are malformed and left out; all others are shown.`,
  noBackup: `the visits in {folder} are damaged{because} and there is no good backup: the damaged file was set aside \
as {aside}, and the visits begin anew. People are recognized as before.`,
  damagedDatabase: `the visits in {folder} were damaged{because}: the damaged file was set aside as {aside}, and the \
backup of {at} took its place. Visits since then are missing; people are recognized as before.`,
  missingDatabase: `the database of the visits in {folder} was gone: the backup of {at} took its place. Visits since \
then are missing; people are recognized as before.`,
  damagedRecord: `a visit in {folder} is damaged ({reason}) and left out: start the flow again, then the newest good \
backup takes the file's place.`,
  notWiped: `they are deleted and nobody finds them any more, but what is left of them in old pages and in the backup \
cannot be wiped yet`,
  backupFailed: `no backup of the visits could be made in {folder} ({reason}), and what was deleted may still be in \
the older one: check that the disk is not full.`,
  stay: `visits of somebody who was deleted, merged or named, or that nobody watches any more, are as they were \
({reason}): they follow once the disk takes them, or at the next start.`,
  noneKept: `this gallery keeps no visits: open its form and set for how many days they are kept.`,
  alikeBusy: `{most} questions whether a face was here before wait already: ask again in a moment.`,
  gone: `there is no such visit: it may have been deleted meanwhile.`,
} as const;
