export const gallery = {
  attendanceUnwritten: `check-ins are not written: {reason}`,
  renameInFolder: `{name} cannot be renamed here: {file} in the photo folder carries the name. Rename that file.`,
  personOrder: `the person: validUntil must not lie before validFrom.`,
  nobodyCalled: `there is nobody of that name in this gallery: check the spelling.`,
  onlyPhoto: `the only photo by which {name} is recognized cannot be left out: add another one first, or delete \
the person`,
  photosTheirs: `these photos are {name}'s already: choose another person.`,
  mergeSame: `a person cannot be merged with themselves: choose another person.`,
  photoInFolder: `{file} lies in the photo folder, and its name says whose it is: rename the file, or move it into \
the other person's folder.`,
  neverAgain: `{name} would never be recognized again: all their other photos are left out. Use one of these again \
first, add another photo, or choose them all.`,
  fixedNetwork: `the model of this gallery cannot be changed.`,
  noAnchor: `there is no negative anchor {id}: it may have been deleted meanwhile.`,
  enrolAndForget: `msg.enrol and msg.forget are both set: send one message for each.`,
  otherModel: `this face was embedded by the model {model}, the gallery keeps those of {kept}: choose the same one \
in facenet-embed and in the gallery.`,
  noWayBack: `there is no model to go back to: what it knew was deleted, or it was never changed. Change to it \
as to any other.`,
  networkStuck: `the gallery's model cannot be changed now: {reason}`,
  unreadable: `the people cannot be read: {reason}`,
  strangersStay: `old strangers cannot be deleted: {reason}`,
  strangersUnwritten: `strangers cannot be written: {reason}`,
  lastSeenUnwritten: `when people were seen cannot be written: {reason}`,
  strangeLengths: `{number} embeddings in the gallery have another length than those of the model {model} and are \
left out; everybody else is known. Delete the photos that the sidebar shows as not usable, and add them again.`,
  unusedOne: `{number} of the people here is never recognized: all their photos are left out. The sidebar marks \
them; use one of the photos again, or add another.`,
  unusedMany: `{number} of the people here are never recognized: all their photos are left out. The sidebar marks \
them; use one of the photos again, or add another.`,
  diskRefuses: `{refusal}. Until then whoever is known is recognized all the same.`,
  person: `the person`,
  mergedPerson: `the merged person`,
} as const;
