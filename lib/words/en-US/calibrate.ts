export const calibrate = {
  wantedFmr: `the wanted false match rate is {fmr}: give a share above 0 and below 1, 0.001 for one in a thousand.`,
  mixed: `embeddings of {length} and {other} dimensions cannot be calibrated together: give those of one model.`,
  ascendPoints: `must ascend in threshold, fmr and high`,
  ascendTemplates: `must ascend in photos and nearer`,
  why: `1 in {strangers} strangers, {whom}: τ {threshold} (expected {expected} %, upper 95 % bound {bound} %, from \
{from})`,
  nobody: `nobody enrolled yet`,
  personBy: `{people} person by {photos}`,
  peopleBy: `{people} people by {photos}`,
  photo: `{photos} photo`,
  photos: `{photos} photos`,
  photosBetween: `{least} to {most} photos`,
  fromGallery: `{comparisons} comparisons of people in this gallery, who come {nearer} nearer to each other than \
those of the model`,
  fromModel: `{comparisons} comparisons of different people`,
  fromModelAlso: `{comparisons} comparisons of different people; {own} in this gallery come no nearer`,
  extrapolated: `{from}; these support no rate so small: beyond them it is extrapolated`,
} as const;
