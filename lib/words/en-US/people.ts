export const people = {
  nameMissing: `the name is missing: set msg.enrol = {example}.`,
  nameLong: `the name has {length} characters: {most} are the most.`,
  nameForbidden: `the name has a slash, a backslash or a control character, or is a folder's: leave them out.`,
  nameTooLongForFile: `the name is too long for a file: shorten it.`,
  order: `must not end before it begins`,
  group: `must be a word without commas`,
  unchecked: `{file} could not be checked ({reason}): look whether the computer has memory left, and start the flow \
again. Nothing was changed.`,
  cannotOpen: `the gallery cannot be opened`,
  otherVersion: `{file} is not what this version of the package writes: update the package, or bring the file back \
from a backup of the computer.`,
  encrypted: `the people of this gallery are encrypted: open the gallery's form and give its pass phrase. A flow that \
was imported does not bring it along.`,
  wrongPassPhrase: `the pass phrase of this gallery is wrong: open the gallery's form and give the one with which it \
was encrypted. Nothing was changed.`,
  closed: `the gallery is closed.`,
  usedHere: `the people in {folder} are used by another gallery of this Node-RED: give each gallery a folder of its \
own.`,
  usedElsewhere: `the people in {folder} are in use by another Node-RED (process {process} on {host}): only one can \
use a gallery at a time. End that one, or use another user folder.`,
  takenElsewhere: `another Node-RED took the people in {file} at the same moment: only one can use a gallery at a \
time.`,
  waitsForHandOver: `the gallery waits until the one before has closed: ask again in a moment.`,
  badRecords: `{number} records in {folder} are malformed ({counts}) and are set aside; everybody else is known. \
Enrol these people again, or import an export. The records stay in the file until somebody is deleted.`,
  because: ` ({reason})`,
  noBackup: `the people in {folder} are damaged{because} and there is no good backup: the damaged file was set aside \
as {aside}, and the gallery begins empty. Bring the folder back from a backup of the computer, import an export, or \
enrol the people again.`,
  missingDatabase: `the database of the people in {folder} was gone: the backup of {at} took its place. Photos, names \
and corrections since then are missing.`,
  damagedDatabase: `the people in {folder} were damaged{because}: the damaged file was set aside as {aside}, and the \
backup of {at} took its place. Whoever was enrolled since is missing.`,
  lostPictures: `{number} pictures in {folder} belong to no record any more, because of the restored backup. They are \
deleted in 30 days, or when somebody is deleted before: copy the folder if you want to look for them.`,
  noBackupPossible: `no backup of the people can be made, and what was deleted may still be in the older ones`,
  backupFailed: `no backup of the people could be made in {folder} ({reason}), and what was deleted may still be in \
the older ones: check that the disk is not full.`,
  damagedRecord: `an embedding in {folder} is damaged ({reason}) and left out: start the flow again, then the newest \
good backup takes the file's place.`,
  notWiped: `it is deleted and nobody is recognized by it any more, but what is left of it in old pages and backups \
cannot be wiped yet`,
  pictureLost: `a picture in {folder} is damaged and was set aside ({file}); there is no copy. Who it shows is \
recognized all the same.`,
  pictureRestored: `a picture in {folder} was damaged and set aside ({file}); its copy took its place.`,
  importUnfinished: `the import was not finished`,
  importInterrupted: `the gallery is closed: nothing was imported.`,
  zipTooLarge: `the zip has more than {gigabytes} GB: nothing was imported.`,
  zipForeign: `the zip holds {file}, which no export of a gallery has: nothing was imported.`,
  zipNoExport: `the zip is no export of a gallery, or one of a newer version of this package: nothing was imported.`,
  zipPictures: `the zip holds {pictures} pictures, its records name {named}: nothing was imported.`,
  zipNoJpeg: `{file} in the zip is no JPEG: nothing was imported.`,
  zipLine: `line {line} of {file} in the zip is malformed: nothing was imported. In that line: {why}.`,
  lineNobody: `it is of somebody who is not in the export`,
  lineTwice: `its id is an earlier line's`,
  lineEmbeddingTwice: `its photo has an embedding of this fingerprint already`,
  lineEmbeddings: `a photo has at most {most} embeddings`,
  lineDimensions: `its embedding has {length} numbers, others of its fingerprint have {others}`,
  lineModel: `it is of the model {model}, others of its fingerprint are of {others}`,
  lineLong: `it is longer than any record`,
  lineNoJson: `it is no JSON`,
  noEmbedding: `holds an embedding that is none`,
  zipTwice: `the zip holds {file} twice: nothing was imported.`,
  zipShares: `{file} shares its bytes with another file in the zip: nothing was imported.`,
  zipClaims: `the pictures in the zip claim {claimed} bytes, the zip has {size}: nothing was imported.`,
  zipDamaged: `the file is no zip, or a damaged one ({reason}): nothing was imported. Send the zip that the export \
made.`,
  zipEncrypted: `{file} in the zip is encrypted: nothing was imported. Send the zip that the export made.`,
  zipChecksum: `{file} does not have the checksum that is written in it`,
  zipFiles: `the zip holds {files} files, more than a gallery can: nothing was imported.`,
  zipGrows: `{file} in the zip claims to be {times} times as large as it is in it: nothing was imported.`,
  zipFileTooLarge: `{file} in the zip claims {bytes} bytes, {most} are the most: nothing was imported.`,
  recordDamaged: `damaged`,
  recordOtherKey: `damaged, or sealed with another key`,
  recordEncrypted: `encrypted`,
} as const;
