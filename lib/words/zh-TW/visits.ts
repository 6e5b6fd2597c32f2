export const visits = {
  cannotOpen: `無法開啟來訪記錄`,
  noCursor: `cursor 無效：請原樣使用前一頁的「next」。`,
  busy: `等候寫入的來訪記錄超過 {most} 筆：請確認磁碟是否緩慢或已滿。`,
  badRecords: `{folder} 中有 {number} 筆來訪記錄格式錯誤，已略過；其他記錄照常顯示。`,
  noBackup: `{folder} 中的來訪記錄已損毀{because}，而且沒有完好的備份：損毀的檔案已移至 {aside}，來訪記錄從空白開始。\
人員仍可照常辨識。`,
  damagedDatabase: `{folder} 中的來訪記錄曾損毀{because}：損毀的檔案已移至 {aside}，並改用 {at} 的備份。之後的來訪記錄\
已遺失；人員仍可照常辨識。`,
  missingDatabase: `{folder} 中的來訪記錄資料庫不見了：已改用 {at} 的備份。之後的來訪記錄\
已遺失；人員仍可照常辨識。`,
  damagedRecord: `{folder} 中有一筆來訪記錄損毀（{reason}），已略過：請重新啟動流程，屆時會以最新的完好備份取代該檔案。`,
  notWiped: `記錄已刪除，也不會再被找到，但舊頁面與備份中的殘留內容尚無法清除`,
  backupFailed: `無法在 {folder} 備份來訪記錄（{reason}），已刪除的內容可能仍在舊備份中：請確認磁碟未滿。`,
  stay: `已刪除、合併或命名的人，或已無節點觀察的來訪記錄尚未更新（{reason}）：磁碟可寫入後，或下次啟動時會更新。`,
  noneKept: `這個人臉庫不保留來訪記錄：請開啟其表單，設定保留天數。`,
  alikeBusy: `已有 {most} 個「這張臉來過嗎」的查詢正在等候：請稍後再試。`,
  gone: `沒有這筆來訪記錄：可能已被刪除。`,
};
