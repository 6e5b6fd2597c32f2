export const sites = {
  name: `the name of this site is missing, or has more than {most} letters: give it one that no other site has.`,
  key: `the key of the shared gallery is missing, or has less than {least} letters: give the same one at every site.`,
  store: `the people of a gallery are kept "local" or "shared": choose one of both in its form.`,
  noBackup: `what this site knew of the shared gallery, in {folder}, is damaged{because}: the damaged file was set \
aside as {aside}, and all is compared with the database again. Nobody is lost.`,
  damagedDatabase: `what this site knew of the shared gallery, in {folder}, was damaged{because}: the damaged file \
was set aside as {aside}, and a copy of {at} took its place. Nobody is lost.`,
  otherKey: `the key of the shared gallery is not the one with which the first site has sealed it: give the same key \
at every site. Nothing was read or written.`,
  newerRecord: `another site has a newer version of this package: update it here too. Until then this site follows no \
further, and goes on with who it knows.`,
  verifyLate: `comparing with the database took more than {minutes} minutes: try again when less is under way.`,
  notReached: `the database of the shared gallery has not answered yet: ask again in a moment.`,
  away: `this site is not in step with the others: {reason}. It goes on with who it knows, and tells \
them once it can.`,
  unreadable: `{number} records of the shared gallery can be read by nobody who has its key: somebody wrote to its \
database who is no site of it, or it is damaged. Everybody else is known.`,
  noSite: `no other site has this id.`,
  notShared: `this gallery is this computer's alone: choose "shared" in its form to share it.`,
  // The database's side (../../sites/postgres).
  pgWhat: `shared gallery`,
  pgName: `must be a name of at most 63 bytes`,
  pgHost: `must be a name or an address such as db.example.com or 192.0.2.7, or the folder of a UNIX socket`,
  pgTlsNeeded: `what goes to {host} leaves this computer: choose TLS for the shared gallery's database.`,
  pgCaNeither: `the certificate of who signs the database's must be the text of a PEM file, which begins with \
“-----BEGIN CERTIFICATE-----”, or its path, which begins at the root.`,
  pgCaUnread: `the file of who signs the database's certificate cannot be read: {reason}. Check its path and rights.`,
  pgCaNone: `no certificate is in what should say who signs the database's: give a PEM file with \
“-----BEGIN CERTIFICATE-----” in it.`,
  pgClosed: `this site does not ask the database at {place} any more.`,
  pgAnew: `the database at {place} was started anew, or another one took its place: this site begins by comparing.`,
  pgSilent: `the database at {place} does not answer: look whether the line to it is cut. It is tried again.`,
  pgOld: `the server is PostgreSQL {version}: 15 or later is needed.`,
  pgEncoding: `the database “{database}” has the encoding {encoding}: make one with ENCODING 'UTF8'.`,
  pgStandby: `this server is a standby, which takes no changes: give the address of the primary, or promote this one. \
It is tried again.`,
  pgNewer: `the shared gallery's tables are of a newer version of this package ({there}; here {here}): update it here \
too. Until then this site goes on with who it knows.`,
  pgOutdated: `the shared gallery's tables are of an older version, and {user} may not change them: first update a \
site that logs in as their owner, {owner}.`,
  pgMayNotCreate: `{user} may not make the shared gallery's tables: the database's owner must run \
GRANT CREATE ON DATABASE "{database}" TO "{user}".`,
  pgMayNotUse: `{user} may not use the shared gallery's tables: their owner must run \
GRANT USAGE ON SCHEMA facewire TO "{user}"; and \
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA facewire TO "{user}"; \
for a site that only reads GRANT SELECT ON ALL TABLES IN SCHEMA facewire TO "{user}"; and \
GRANT INSERT, UPDATE ON facewire.sites TO "{user}";`,
  pgNoGallery: `there is no shared gallery “{name}” that {user} may see, and they may make none: check its name, and \
whether its owner has let {user} in.`,
  pgNotLetIn: `{user} was not let into the shared gallery “{name}”: its owner must run \
UPDATE facewire.galleries SET writers = array_append(writers, '{user}') WHERE name = '{name}'; \
(readers for a site that only reads).`,
  pgReadsOnly: `{user} may only read the shared gallery: what is changed here stays here.`,
  pgRefuses: `the database at {place} refuses: {reason}.`,
  pgAtRefused: `nobody answers at {place}: check address and port, and whether PostgreSQL runs and listens there \
(listen_addresses, firewall). It is tried again.`,
  pgAtNoSocket: `there is no PostgreSQL at {place} that this user may ask: check the folder and the port.`,
  pgAtUnknown: `no computer has the name of {place}: check how it is spelt, and whether this computer's name server \
answers. It is tried again.`,
  pgAtUnreachable: `no way leads to {place}: check cables and routes. It is tried again.`,
  pgAtSilent: `the database at {place} does not answer: look whether the line to it is cut. It is tried again.`,
  pgAtCut: `the line to the database at {place} was cut. It is tried again.`,
  pgAtNoTls: `the database at {place} has no TLS: switch it on there (ssl = on, with a certificate). \
Nothing was sent.`,
  pgAtStranger: `nobody whom this computer trusts has signed the certificate of {place}: give the certificate of who \
did. The password was not sent.`,
  pgAtOtherName: `the certificate of {place} is for another name: give the name that stands in it. The password was \
not sent.`,
  pgAtExpired: `the certificate of {place} is not valid today: renew it, and check the clocks. \
The password was not sent.`,
  pgAtTls: `TLS fails at {place}: check the server's certificate and TLS versions (1.2 or later).`,
  pgAtPassword: `{place} refuses the password of {user}: check both.`,
  pgAtLogin: `{place} lets {user} not into “{database}” from here: check the login, and the server's pg_hba.conf.`,
  pgAtDatabase: `there is no database “{database}” at {place}: make it, or check its name.`,
  pgAtFull: `all connections of {place} are taken: raise max_connections there, or end others. It is tried again.`,
  pgAtDisk: `the disk of the database at {place} is full: make room there. What waits here is kept, and goes on by \
itself.`,
  pgAtMemory: `the database at {place} has no memory left: give it more. It is tried again.`,
  pgAtStops: `the database at {place} was stopped. It is tried again.`,
  pgAtStarts: `the database at {place} starts or stops just now. It is tried again.`,
  pgAtLate: `the database at {place} did not finish in time: look what keeps it busy. It is tried again.`,
  pgAtLocked: `others held the shared gallery at {place} too long. It is tried again.`,
  pgAtReadOnly: `the database at {place} takes no changes just now: it only reads. What waits here is kept.`,
  pgAtRights: `{user} has not all rights on the shared gallery's tables at {place}: their owner must grant SELECT, \
INSERT, UPDATE and DELETE on all tables of the schema facewire.`,
  pgAtTables: `the shared gallery's tables are not all there any more in “{database}” at {place}: restore them from \
a backup.`,
  pgAtDamage: `the database at {place} cannot read its disk: it is damaged. Restore it from a backup.`,
} as const;
