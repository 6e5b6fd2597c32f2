export const people = {
  nameMissing: `缺少姓名：請設定 msg.enrol = {example}。`,
  nameLong: `姓名有 {length} 個字元：最多 {most} 個。`,
  nameForbidden: `姓名含有斜線、反斜線或控制字元，或是資料夾專用的名稱：\
請去除這些字元。`,
  nameTooLongForFile: `姓名太長，無法作為檔名：請縮短。`,
  order: `結束時間不得早於開始時間`,
  group: `必須是不含逗號的詞`,
  unchecked: `無法檢查 {file}（{reason}）：請確認電腦還有可用的記憶體，再重新啟動流程。\
沒有任何變更。`,
  cannotOpen: `無法開啟人臉庫`,
  otherVersion: `{file} 不是這個版本的套件所寫的內容：請更新套件，\
或從電腦的備份還原該檔案。`,
  encrypted: `這個人臉庫的人員資料已加密：請開啟人臉庫的表單並輸入密語。\
匯入的流程不會帶著密語。`,
  wrongPassPhrase: `這個人臉庫的密語錯誤：請開啟人臉庫的表單，\
輸入當初加密所用的密語。沒有任何變更。`,
  closed: `人臉庫已關閉。`,
  usedHere: `{folder} 中的人員資料正由這個 Node-RED 的另一個人臉庫使用：\
請讓每個人臉庫使用自己的資料夾。`,
  usedElsewhere: `{folder} 中的人員資料正由另一個 Node-RED 使用（{host} 上的行程 {process}）：\
一個人臉庫同時只能有\
一個使用者。請結束那一個，或改用其他使用者資料夾。`,
  takenElsewhere: `另一個 Node-RED 同時取用了 {file} 中的人員資料：\
一個人臉庫同時只能有一個使用者。`,
  waitsForHandOver: `人臉庫正在等候前一個關閉：請稍後再試。`,
  badRecords: `{folder} 中有 {number} 筆記錄格式錯誤（{counts}），已擱置；其他人仍可辨識。\
請重新登錄這些人員，或匯入\
先前的匯出檔。這些記錄會留在檔案中，直到有人員被刪除為止。`,
  because: `（{reason}）`,
  noBackup: `{folder} 中的人員資料已損毀{because}，而且沒有完好的備份：\
損毀的檔案已移至 {aside}，人臉庫從空白開始。請從\
電腦的備份還原該資料夾、匯入先前的匯出檔，或重新登錄人員。`,
  missingDatabase: `{folder} 中的人員資料庫不見了：已改用 {at} 的備份。\
之後新增的照片、姓名與更正已遺失。`,
  damagedDatabase: `{folder} 中的人員資料曾損毀{because}：損毀的檔案已移至 {aside}，\
並改用 {at} 的備份。之後登錄的人員\
已遺失。`,
  lostPictures: `由於還原了備份，{folder} 中有 {number} 張圖片不再屬於任何記錄。\
這些圖片會在 30 天後刪除，若在此之前有\
人員被刪除則會更早：若要尋找這些圖片，請先複製該資料夾。`,
  noBackupPossible: `無法備份人員資料，已刪除的內容可能仍在舊備份中`,
  backupFailed: `無法在 {folder} 備份人員資料（{reason}），已刪除的內容可能仍在舊備份中：\
請確認磁碟未滿。`,
  damagedRecord: `{folder} 中有一筆嵌入向量損毀（{reason}），已略過：請重新啟動流程，\
屆時會以最新的完好備份取代該檔案。`,
  notWiped: `內容已刪除，也不會再用來辨識任何人，但舊頁面與備份中的殘留內容尚無法清\
除`,
  pictureLost: `{folder} 中有一張圖片損毀，已擱置（{file}）；沒有複本。\
圖片中的人仍可辨識。`,
  pictureRestored: `{folder} 中有一張圖片損毀，已擱置（{file}），並改用其複本。`,
  importUnfinished: `匯入未完成`,
  importInterrupted: `人臉庫已關閉：沒有匯入任何內容。`,
  zipTooLarge: `zip 檔超過 {gigabytes} GB：沒有匯入任何內容。`,
  zipForeign: `zip 檔中有 {file}，這不屬於人臉庫的匯出檔：沒有匯入任何內容。`,
  zipNoExport: `這個 zip 檔不是人臉庫的匯出檔，或來自較新版本的套件：\
沒有匯入任何內容。`,
  zipPictures: `zip 檔中有 {pictures} 張圖片，其記錄只提到 {named} 張：沒有匯入任何內容。`,
  zipNoJpeg: `zip 檔中的 {file} 不是 JPEG：沒有匯入任何內容。`,
  zipLine: `zip 檔中 {file} 的第 {line} 行格式錯誤：沒有匯入任何內容。該行的問題：{why}。`,
  lineNobody: `其人員不在匯出檔中`,
  lineTwice: `其 id 與前面某一行相同`,
  lineEmbeddingTwice: `其照片已有這個指紋的嵌入向量`,
  lineEmbeddings: `一張照片最多有 {most} 個嵌入向量`,
  lineDimensions: `其嵌入向量有 {length} 個數字，相同指紋的其他向量則有 {others} 個`,
  lineModel: `它屬於模型 {model}，相同指紋的其他向量則屬於 {others}`,
  lineLong: `它比任何記錄都長`,
  lineNoJson: `它不是 JSON`,
  noEmbedding: `含有無效的嵌入向量`,
  zipTwice: `zip 檔中有兩個 {file}：沒有匯入任何內容。`,
  zipShares: `zip 檔中的 {file} 與另一個檔案共用相同的位元組：沒有匯入任何內容。`,
  zipClaims: `zip 檔中的圖片宣稱共有 {claimed} 位元組，但 zip 檔只有 {size}：\
沒有匯入任何內容。`,
  zipDamaged: `這個檔案不是 zip 檔，或已損毀（{reason}）：沒有匯入任何內容。\
請傳送匯出時產生的 zip 檔。`,
  zipEncrypted: `zip 檔中的 {file} 已加密：未匯入任何內容。請傳送匯出時產生的 zip 檔。`,
  zipChecksum: `{file} 的總和檢查碼與其記載不符`,
  zipFiles: `zip 檔中有 {files} 個檔案，超過人臉庫的上限：沒有匯入任何內容。`,
  zipGrows: `zip 檔中的 {file} 宣稱解壓縮後是壓縮時的 {times} 倍：沒有匯入任何內容。`,
  zipFileTooLarge: `zip 檔中的 {file} 宣稱有 {bytes} 位元組，最多只能有 {most}：\
沒有匯入任何內容。`,
  recordDamaged: `已損毀`,
  recordOtherKey: `已損毀，或以另一把金鑰封存`,
  recordEncrypted: `已加密`,
};
