export const attendance = {
  cannotOpen: `無法開啟出勤簿`,
  notForgotten: `已從人臉庫刪除，但其打卡紀錄尚無法刪除`,
  notWiped: `已刪除，任何報表都不再顯示，但舊頁面與備份中殘留的打卡資料尚無法清除`,
  notBackedUp: `無法備份打卡紀錄，已刪除的資料可能仍在較舊的備份中`,
  noBackup: `{folder} 中的打卡紀錄已損毀{because}，而且沒有完好的備份：\
損毀的檔案已移至 {aside}，出勤紀錄從空白開始，\
並由保留的來訪記錄重新建立。`,
  damagedDatabase: `{folder} 中的打卡紀錄曾損毀{because}：損毀的檔案已移至 {aside}，\
並改用 {at} 的備份。之後的更正已遺失；\
之後的來訪若有保留，會重新讀取。`,
  missingDatabase: `{folder} 中的打卡紀錄資料庫不見了：已改用 {at} 的備份。之後的更正已遺失；\
之後的來訪若有保留，會重新讀取。`,
  badRecords: `{folder} 中有 {number} 筆打卡資料格式錯誤，已略過；其他紀錄照常顯示。`,
  noDay: `必須是日期，例如 2026-11-26`,
  noMonth: `必須是月份，例如 2026-11`,
  noTime: `必須是時間，例如 04:00`,
  noTimeZone: `「{timeZone}」不是時區：請使用 IANA 名稱，例如 Europe/Berlin 或 Asia/Taipei。`,
  noZones: `固定進出模式需要指定進入或離開的區域`,
  sameZone: `一個區域只能是進入或離開其中之一`,
  otherGallery: `這次到訪屬於另一個人臉庫：請接上使用同一個人臉庫的 face-presence 節點。`,
  noPerson: `人臉庫中沒有這個人。`,
  noCheckIn: `沒有這筆打卡紀錄：此人可能已被刪除。`,
  typeAndTime: `打卡紀錄需要人員、IN 或 OUT，以及時間。`,
  tooOld: `這份出勤紀錄不保留 {day} 之前的打卡紀錄：\
請見其節點表單中的「打卡紀錄保留天數」。`,
  tooManyChanges: `這筆打卡紀錄已修改 {most} 次：請移除後重新新增。`,
  nothingAsked: `這則訊息既不是到訪，也不是查詢：請接上 face-presence，或設定 msg.attendance = \
{example}。`,
  noAddress: `必須是網站的網址，https://…`,
  loginInAddress: `網址中不可包含登入資訊：金鑰與密鑰另有欄位`,
  noKey: `缺少 Frappe 使用者的金鑰與密鑰`,
  noField: `必須是 Employee 的欄位名稱，例如 attendance_device_id`,
  noEmployees: `{number} 筆打卡紀錄在等待員工編號：\
請在此人的備註中加入一行「employee: 0042」。`,
  frappeSlow: `Frappe 在 {seconds} 秒內沒有回應，稍後會再試。`,
  frappeAway: `無法連線到 Frappe：{reason}稍後會再試。`,
  frappeLogin: `Frappe 不接受此金鑰與密鑰：請在使用者的 API Access 重新產生。`,
  frappeStatus: `Frappe 回應 {status}（{said}），稍後會再試。`,
  frappeStrange: `回應 {status} 的不是 Frappe HRMS：請檢查網站的網址。`,
  notSent: `這份出勤紀錄不會傳送到 Frappe HRMS。`,
  nowhere: `這個人臉庫不保存出勤紀錄。`,
  noBook: `沒有這份出勤紀錄：請部署使用此人臉庫的 face-attendance 節點。`,
  noStamp: `必須是時間，例如 2026-11-26 08:03`,
  atOrLocal: `時間請用 at 或 local 其中之一，不可同時使用。`,
} as const;
