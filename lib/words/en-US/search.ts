export const search = {
  noPerson: `there is no person {id} in this gallery: they may have been deleted meanwhile.`,
  nameTaken: `somebody is called {name} already: choose another name, or add photos to that person.`,
  noPhoto: `there is no photo {id} of this person: it may have been deleted meanwhile.`,
  notANumber: `the embedding in msg.faces holds a NaN or an infinity: it was not made by a facenet-embed node.`,
  otherDimensions: `an embedding of {length} dimensions cannot be compared with a gallery of {dimensions}: use the \
same model in facenet-embed and in the gallery.`,
  aside: `set aside: farther from their other photos than τ ({distance}, τ {threshold}). It is kept, and nobody is \
compared with it until somebody says that it is this person.`,
} as const;
