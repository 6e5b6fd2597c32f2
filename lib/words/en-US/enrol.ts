export const enrol = {
  notKept: `the photo is not kept: {findings}`,
  acceptByMessage: `{refusal}. To keep it all the same set msg.enrol.accept = {codes}.`,
  noFaceAt: `there is no usable face at ({x}, {y}) of the photo: choose the middle of a face.`,
  noLargeFace: `the photo shows no face large enough: take it from nearer, or send it in its full size.`,
  noSharpFace: `the photo shows no sharp face: hold the camera still, in more light.`,
  noLitFace: `the photo shows a face, but it is too dark to know anybody by: turn it to the light.`,
  noBareFace: `the photo shows a face that is covered: take one without a mask, dark glasses or a hand before \
the face.`,
  noFace: `the photo shows no face that can be used: take one from the front, upright, with the whole face in \
light.`,
  severalFaces: `the photo shows {faces} faces: cut it so that it shows only the person to be known.`,
  tooSmall: `the eyes are {pixels} pixels apart, {least} are the least: take the photo from nearer, or send it in \
its full size.`,
  blurry: `the face is blurred (sharpness {sharpness}, {least} is the least): hold the camera still, focus on the \
face, use more light.`,
  turnedAway: `the face is turned away ({turned}): look into the camera.`,
  turnedAside: `{degrees}° to the side, {most}° is the most`,
  turnedUp: `{degrees}° up, {most}° is the most`,
  turnedDown: `{degrees}° down, {most}° is the most`,
  turnedBoth: `{aside}; {pitch}`,
  tooDark: `the face is too dark (grey level {level}, {least} is the least): turn it to the light.`,
  tooBright: `the face is too bright (grey level {level}, {most} is the most): keep direct light and flash off it.`,
  nearDuplicate: `the photo is nearly the same as one that is kept already (distance {distance}): send one with \
another expression, in other light or of another day.`,
  nearLeftOut: `the photo is nearly the same as one that is left out of recognition (distance {distance}): accept \
that to have the one that is kept used again; no second one is kept.`,
  resembles: `the face matches {name} (distance {distance}, τ {threshold}): add the photo to {name} if it shows \
the same person; keep it here only if they are two.`,
  resemblesSomebody: `the face matches somebody else of the gallery (distance {distance}, τ {threshold}): add the \
photo to that person if it shows the same person; keep it here only if they are two.`,
  unlike: `the face is unlike the person's own photos (the nearest is {distance} away, τ {threshold}): keep it \
only if you are sure that it is the same person.`,
  copyOfLeftOut: `it is nearly the same as a photo that is left out of recognition, and is left out too: use it \
again in the sidebar, or remove it.`,
  lost: `{number} photos have no embedding of the model {model}, and their pictures are not kept or show no face: \
enrol these people again.`,
  folderStuck: `the folder {folder} cannot be kept up with: {reason}`,
  folderUndeletable: `nobody can be deleted now: the folder {folder} cannot be read ({code}). Try again when it \
can.`,
  photoUndeletable: `the person cannot be deleted now: a photo of theirs in {folder} cannot be read ({code}). Try \
again when it can.`,
  filesUndeletable: `the photos cannot be deleted ({code}): check that Node-RED may write to {folder}.`,
  folderUnreadable: `the folder {folder} cannot be read ({code}): check that it exists and that Node-RED may read \
it. Until then whoever was known before still is.`,
  folderAnother: `the folder {folder} is empty, and not the one in which the photos were: is its disk, \
or its network folder, mounted? Whoever was known before still is. If it is meant to be empty, put any file into it, \
a text file say.`,
  folderAnotherUndeletable: `nobody can be deleted now: the folder {folder} is empty, and not the one in which the \
photos were; they would be back with it. Try again when its disk or network folder is mounted.`,
  fileMisnamed: `{file} has a name that is not in UTF-8, by which it cannot be opened: rename it.`,
  copyAlone: `{file} is what a sync program kept of {original}, which is not there, and so shows nobody: rename it \
to {original}, or delete it.`,
  fileInCloud: `the photo {file} is not on this computer: have iCloud keep it here ("Download Now"). Until then it \
counts as it did.`,
  otherFormat: `the photo {file} is of a format that cannot be read: save it as JPEG.`,
  fileUnreadable: `{file} in {folder} cannot be read ({code}): check its permissions. Until then its photos count \
as they were.`,
  fileNameless: `its name names nobody: give the file, or its folder, the person's name.`,
  fileTooLarge: `it has more than {megabytes} MB.`,
  fileDoubtful: `the photo {file} is kept, but look at it: {doubt}`,
  fileNoFace: `the photo {file} shows no face that can be used: take one from the front, sharp and at least 100 \
pixels wide.`,
  fileSeveralFaces: `the photo {file} shows {faces} faces: cut it so that it shows only {name}.`,
  fileUnusable: `the photo {file} cannot be used: {reason}`,
  fileForbidden: `it cannot be read ({code}); check that Node-RED may read it.`,
} as const;
