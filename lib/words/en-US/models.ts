export const models = {
  noUserFolder: `Node-RED has no user folder to keep models in: set userDir in its settings.js.`,
  pack: `the model pack {path}`,
  sameId: `{pack} has the id "{id}" as {other} has: remove one of them.`,
  packOutside: `the package {folder} has its model pack at "{path}", which must be a file of the package.`,
  noModel: `there is no model "{id}": choose {ids} or {last}, install or download its model pack, or give the path \
of a model descriptor (.json).`,
  brokenPack: `A model pack cannot be used: {problem}`,
  isDetector: `the model "{id}" is a detector, not a model that embeds: choose another one.`,
  descriptorUnreadable: `the model descriptor {path} cannot be read ({code}): check the path.`,
  descriptorNoJson: `the model descriptor {path} is not JSON: {reason}.`,
  descriptorMalformed: `the model descriptor {path} is malformed`,
  descriptorNoFile: `the model descriptor {path} names no file: set "file" to the .onnx, .tflite or model.json.`,
  descriptorNoHash: `the model descriptor {path} has no sha256: set it, so that a damaged or exchanged file is \
noticed.`,
  laterForm: `{pack} is of a later form ({version}): install a newer version of @facewire/node-red-facenet.`,
  malformed: `{pack} is malformed`,
  wrongFormat: `{pack} is malformed: descriptor.format: must be onnx, tflite or tfjs-graph.`,
  builtInId: `{pack} calls its model "{id}", as one that comes with @facewire/node-red-facenet: give it another \
descriptor.id.`,
  notWhole: `{pack} is not whole: {file} has {bytes} bytes, not {size}. Install or download it again.`,
  cohortRows: `{pack} is malformed: its cohort {file} is no rows of {dimensions} numbers.`,
  statistics: `the statistics {file}`,
  statisticsMalformed: `{pack} is malformed: its statistics {file}`,
  otherStatistics: `{pack} is malformed: its statistics are of the model "{model}", not of "{id}".`,
  damaged: `{pack} is damaged: the sha256 of {file} is not the one it says. Install or download it again.`,
  tooLarge: `{pack} is malformed: {file} has {bytes} bytes, more than the {most} there may be.`,
  noJson: `{what} is not JSON: {reason}.`,
  unreadable: `{pack} cannot be used: {file} cannot be read ({code}). Install or download it again.`,
  linkOutside: `{pack} is refused: {file} is a link that leads out of the pack.`,
  packFile: `must be a file of the pack, such as model.onnx`,
  packOnly: `must not lead out of the pack`,
  sha256: `must be 64 hexadecimal digits`,
  tooMany: `{running} models are being downloaded already: wait until one is here, or cancel one.`,
  notDownloaded: `{name} was not downloaded`,
  thenAgain: `then download it again`,
  cancelled: `the download of {name} was cancelled.`,
  tooSlow: `the download of {name} did not end within {minutes} minutes: start it again, and it goes on where it \
stopped.`,
  proxy: `the proxy that HTTPS_PROXY or HTTP_PROXY names cannot be used: write it as http://proxy.example.com:3128 \
and restart Node-RED.`,
  unreachable: `{name} could not be downloaded: {missed}. Look whether this computer reaches the internet; where \
it does by a proxy only, set HTTPS_PROXY.{kept}`,
  missedAlso: `{missed}; {next}`,
  kept: ` What has come is kept: start it again, and it goes on there.`,
  redirectsAgain: `{host} redirects again and again`,
  redirectsNowhere: `{host} redirects to nowhere`,
  redirectsWithLogin: `the download is refused: {host} redirects to an address with a login.`,
  notHttps: `the download is refused: it leads to {address}, which is not https. Nothing of it was kept.`,
  answers: `{host} answers {status}`,
  noRest: `{host} no longer has the rest`,
  otherPart: `{host} sends another part than was asked for`,
  otherSize: `{host} has a file of {bytes} bytes, not the one of {size}`,
  sendsMore: `the download is refused: {host} sends more than the {size} bytes of {name}. Nothing of it was kept.`,
  ended: `{host} ended after {received} of {size} bytes`,
  stopsAnswering: `{host} does not go on answering`,
  unreachableHost: `{host} cannot be reached ({reason})`,
  anotherFile: `the download of {name} is refused: what came is another file (sha256 {digest}, expected \
{expected}). Nothing of it was kept.`,
  cohortUndrawn: `the cohort cannot be drawn: of {draws} rows each came too near to a real face. Give photos of \
more people.`,
  neitherFormat: `{file} is neither .onnx nor .tflite: only of these packs are made.`,
  licenceFile: `the text of the licence (--licence)`,
  networkFile: `the model (--onnx)`,
  draftUnreadable: `the descriptor {path} cannot be read ({reason}): give a .json (--descriptor) as docs/models.md \
says.`,
  draftMalformed: `the descriptor {path} is malformed`,
  missingFile: `{what} cannot be read: there is no file {path}.`,
  noFile: `{what} cannot be read: {path} is no file.`,
  noPhotos: `the photos (--photos) cannot be read: there is no folder {path}.`,
  fewPeople: `there are usable photos of {people} people: a cohort that is no person, and figures that hold, take \
at least {least}, a folder of photos for each. Without them the model can be used by its descriptor alone, \
compared by Euclidean distance.`,
  fewOfPopulation: `there are usable photos of {people} people of the population "{name}": give at least {least} \
of each, or name it as another one.`,
  fewPairs: `those people who shape no cohort give {pairs} pairs of two people: a τ with FMR {fmr} % takes \
{least}. Give more people, or up to {photos} photos of each.`,
  tellsNobodyApart: `the model does not tell these people apart: faces of two people lie as near as those of \
one. Look at inputSize, mean, scale, channelOrder and alignment of the descriptor.`,
  tellsNobodyApartPlain: `the model does not tell these people apart by Euclidean distance: look at its \
descriptor.`,
  needsOnnx: `an ONNX model needs an ONNX runtime: run "npm install --onnxruntime-node-install=skip \
onnxruntime-node" (fast) or "npm install onnxruntime-web" in the Node-RED user folder, then deploy.`,
  needsConverter: `a TF.js graph model needs its reader: run "npm install @tensorflow/tfjs-converter" in the \
Node-RED user folder, then deploy.`,
  makeUsage: `facenet-make-pack --onnx FILE --descriptor FILE --photos DIR --licence FILE --out DIR
                  [--name NAME] [--set WHAT]

Makes a model pack: the model, its descriptor, a cohort of nobody, statistics and the default τ.
  --onnx        the model, .onnx (needs onnxruntime-node or onnxruntime-web) or .tflite
  --descriptor  what it reads and gives (.json, see docs/models.md), or the facenet-pack.json of a downloaded one
  --photos      a folder with a folder of photos for each person, at least 80 people; several populations, each
                measured for itself: --photos NAME=DIR --photos NAME=DIR
  --licence     the text of the licence of its weights
  --out         the folder of the pack
  --name        for people to read; --set: what the photos are`,
  makeEmbedded: `{done} of {total} people embedded`,
  makeDrawing: `drawing the cohort, measuring`,
  makeMeasuring: `measuring how near strangers come, the longest part`,
  madeOf: `{photos} photos of {people} people{left}`,
  madeWithout: ` ({number} photos without exactly one usable face were left out: {files}{more})`,
  madeCohort: `cohort: {rows} rows, none a person: nearest to a real face {nearest}, mean {mean}; faces of two \
people {apart}`,
  madeNormalised: `cohort-normalised: R0 {mean}, τ {threshold}, FMR {fmr} (at most {high}){known}, on people who \
shaped no cohort`,
  madeKnown: `, TMR {tmr} %`,
  madeEuclidean: `Euclidean: τ {threshold}, FMR {fmr} (at most {high})`,
  madeIn: `the pack is in {out}: put this folder into facenet/models/ of Node-RED's user folder, or publish it as an \
npm package`,
} as const;
