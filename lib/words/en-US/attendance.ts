export const attendance = {
  cannotOpen: `the attendance books cannot be opened`,
  notForgotten: `they are deleted from the gallery, but their check-ins could not be deleted yet`,
  notWiped: `they are deleted and no report has them any more, but what is left of their check-ins in old pages and \
in the backup cannot be wiped yet`,
  notBackedUp: `no backup of the check-ins can be made, and what was deleted may still be in the older one`,
  noBackup: `the check-ins in {folder} are damaged{because} and there is no good backup: the damaged file was set \
aside as {aside}, and the attendance books begin anew, with the visits that are kept.`,
  damagedDatabase: `the check-ins in {folder} were damaged{because}: the damaged file was set aside as {aside}, and \
the backup of {at} took its place. Corrections since then are missing; visits since then are read again where they \
are kept.`,
  missingDatabase: `the database of the check-ins in {folder} was gone: the backup of {at} took its place. \
Corrections since then are missing; visits since then are read again where they are kept.`,
  badRecords: `{number} records of check-ins in {folder} are malformed and left out; all others are shown.`,
  noDay: `must be a day like 2026-11-26`,
  noMonth: `must be a month like 2026-11`,
  noTime: `must be a time like 04:00`,
  noTimeZone: `"{timeZone}" is no time zone: write it as IANA does, for example Europe/Berlin or Asia/Taipei.`,
  noZones: `strict check-ins need the zones in which people come in or go out`,
  sameZone: `a zone is either for coming in or for going out`,
  otherGallery: `this visit is of another gallery: wire the face-presence node of this node's gallery here.`,
  noPerson: `there is no such person in the gallery.`,
  noCheckIn: `there is no such check-in: its person may have been deleted meanwhile.`,
  typeAndTime: `a check-in needs a person, IN or OUT, and a time.`,
  tooOld: `check-ins before {day} are not kept by this book: see "Days of check-ins" in the form of its node.`,
  tooManyChanges: `this check-in was changed {most} times: remove it and add another one.`,
  nothingAsked: `this message is neither a visit nor a question: wire face-presence here, or set msg.attendance = \
{example}.`,
  noAddress: `must be the address of the site, https://…`,
  loginInAddress: `must hold no login: the key and the secret have fields of their own`,
  noKey: `the key and the secret of a Frappe user are missing`,
  noField: `must be the name of a field of Employee, like attendance_device_id`,
  noEmployees: `{number} check-ins wait for an employee: write a line "employee: 0042" into the person's notes.`,
  frappeSlow: `Frappe did not answer within {seconds} seconds; it is tried again.`,
  frappeAway: `Frappe cannot be reached: {reason} It is tried again.`,
  frappeLogin: `Frappe does not accept the key and the secret: make new ones at the user, API Access.`,
  frappeStatus: `Frappe answers {status} ({said}); it is tried again.`,
  frappeStrange: `what answers {status} is not Frappe HRMS: check the address of the site.`,
  notSent: `this book sends nothing to Frappe HRMS.`,
  nowhere: `this gallery keeps no attendance.`,
  noBook: `there is no such attendance book: deploy a face-attendance node with this gallery.`,
  noStamp: `must be a time like 2026-11-26 08:03`,
  atOrLocal: `say the time as at or as local, not as both.`,
} as const;
