export const unknowns = {
  gone: `沒有陌生人 {id}：可能已被命名、忽略或刪除。`,
  otherModel: `這位陌生人是以 {model} 以外的模型看見的：請刪除，或從較新的來訪命名。`,
};
