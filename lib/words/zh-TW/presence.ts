export const presence = {
  slowDisk: `磁碟未能及時寫入造訪紀錄：在場判定照常進行，待磁碟可寫入時再補寫。`,
};
