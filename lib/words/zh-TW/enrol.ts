export const enrol = {
  notKept: `未保留照片：{findings}`,
  acceptByMessage: `{refusal}。若仍要保留，請設定 msg.enrol.accept = {codes}。`,
  noFaceAt: `照片的（{x}，{y}）處沒有可用的臉：請選擇臉的中央。`,
  noLargeFace: `照片中沒有夠大的臉：請靠近一點拍攝，或傳送原始尺寸的照片。`,
  noSharpFace: `照片中沒有清晰的臉：請拿穩相機，並在更亮的地方拍攝。`,
  noLitFace: `照片中的臉太暗，無法辨識：請面向光源拍攝。`,
  noBareFace: `照片中的臉被遮住：請拍攝一張沒有口罩、墨鏡或手遮擋的照片。`,
  noFace: `照片中沒有可用的臉：請從正面拍攝，頭部端正，整張臉都在光線下。`,
  severalFaces: `照片中有 {faces} 張臉：請裁切照片，只留下要登錄的人。`,
  tooSmall: `兩眼相距 {pixels} 像素，至少需要 {least}：請靠近一點拍攝，\
或傳送原始尺寸的照片。`,
  blurry: `臉部模糊（清晰度 {sharpness}，至少需要 {least}）：請拿穩相機、對焦在臉上，\
並增加光線。`,
  turnedAway: `臉轉開了（{turned}）：請看向相機。`,
  turnedAside: `側轉 {degrees}°，最多 {most}°`,
  turnedUp: `仰起 {degrees}°，最多 {most}°`,
  turnedDown: `低下 {degrees}°，最多 {most}°`,
  turnedBoth: `{aside}；{pitch}`,
  tooDark: `臉太暗（灰階 {level}，至少需要 {least}）：請面向光線。`,
  tooBright: `臉太亮（灰階 {level}，最多 {most}）：請避免強光直射與閃光燈。`,
  nearDuplicate: `照片與已保留的一張幾乎相同（距離 {distance}）：請傳送不同表情、\
不同光線或不同日子的照片。`,
  nearLeftOut: `照片與一張已被排除在辨識之外的照片幾乎相同（距離 {distance}）：若同意，\
會重新使用已保留的那一張，不會再保留第二張。`,
  resembles: `這張臉與「{name}」相符（距離 {distance}，τ {threshold}）：若是同一個人，\
請將照片加到「{name}」；確定是兩個人時才保留在此。`,
  resemblesSomebody: `這張臉與人臉庫中的另一個人相符（距離 {distance}，τ {threshold}）：\
若是同一個人，請將照片加到該人員；確定是兩個人時才保留在此。`,
  unlike: `這張臉不像此人自己的照片（最接近的距離為 {distance}，τ {threshold}）：\
確定是同一個人時才保留。`,
  copyOfLeftOut: `它與一張已被排除在辨識之外的照片幾乎相同，因此也被排除：\
請在側欄重新使用，或將它移除。`,
  lost: `有 {number} 張照片沒有模型 {model} 的嵌入向量，而且其影像未保留或找不到臉：\
請重新登錄這些人員。`,
  folderStuck: `無法跟上資料夾 {folder} 的變動：{reason}`,
  folderUndeletable: `目前無法刪除任何人：無法讀取資料夾 {folder}（{code}）。\
請待可讀取後再試。`,
  photoUndeletable: `目前無法刪除此人：無法讀取其在 {folder} 中的一張照片（{code}）。\
請待可讀取後再試。`,
  filesUndeletable: `無法刪除照片（{code}）：請確認 Node-RED 可以寫入 {folder}。`,
  folderUnreadable: `無法讀取資料夾 {folder}（{code}）：請確認它存在，且 Node-RED 可以讀取。\
在此之前，原本認得的人仍可辨識。`,
  folderAnother: `資料夾 {folder} 是空的，而且不是原本放照片的那一個：\
它的磁碟或網路資料夾掛載了嗎？在此之前已認得的人仍會認得。\
若本來就該是空的，請放入任何一個檔案，例如文字檔。`,
  folderAnotherUndeletable: `現在無法刪除任何人：資料夾 {folder} 是空的，\
而且不是原本放照片的那一個；照片會隨它一起回來。\
請等它的磁碟或網路資料夾掛載後再試一次。`,
  fileMisnamed: `{file} 的檔名不是 UTF-8 編碼，無法以此檔名開啟：請重新命名。`,
  copyAlone: `{file} 是同步程式為 {original} 保留的副本，但 {original} 不在，因此不代表任何人：請改名為 {original}，或將其刪除。`,
  fileInCloud: `照片 {file} 不在這台電腦上：請讓 iCloud 將它保留在此（「立即下載」）。在此之前維持原狀。`,
  otherFormat: `照片 {file} 的格式無法讀取：請另存為 JPEG。`,
  fileUnreadable: `無法讀取 {folder} 中的 {file}（{code}）：請檢查其權限。在此之前，\
其照片維持原狀。`,
  fileNameless: `檔名中沒有姓名：請以人員的姓名為檔案或其資料夾命名。`,
  fileTooLarge: `它超過 {megabytes} MB。`,
  fileDoubtful: `照片 {file} 已保留，但請查看：{doubt}`,
  fileNoFace: `照片 {file} 中沒有可用的臉：請從正面拍攝，臉要清晰且至少 100 像素寬。`,
  fileSeveralFaces: `照片 {file} 中有 {faces} 張臉：請裁切照片，只留下「{name}」。`,
  fileUnusable: `無法使用照片 {file}：{reason}`,
  fileForbidden: `無法讀取（{code}）；請確認 Node-RED 可以讀取它。`,
};
