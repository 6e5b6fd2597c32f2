/**
 * The greeting in each language that has one of ours; {names} is where the names go. Each fits one person and several,
 * of any sex.
 */
export const TEMPLATES: Readonly<Record<string, string>> = {
  en: "Welcome {names}, have a nice day!",
  "zh-TW": "歡迎{names}，祝您有美好的一天！",
  "zh-CN": "欢迎{names}，祝您有美好的一天！",
  // eSpeak NG reads kana only.
  ja: "{names}、ようこそ。よいいちにちを！",
  ko: "{names}, 환영합니다. 좋은 하루 되세요!",
  de: "Willkommen {names}, einen schönen Tag noch!",
  es: "¡Hola, {names}! ¡Feliz día!",
  fr: "Bienvenue {names}, bonne journée !",
  it: "Ciao {names}, buona giornata!",
  nl: "Welkom {names}, een fijne dag!",
  pt: "Boas-vindas, {names}, e um ótimo dia!",
  pl: "Dzień dobry {names}, miłego dnia!",
  cs: "Vítejte {names}, hezký den!",
  sv: "Välkommen {names}, ha en bra dag!",
  da: "Velkommen {names}, hav en god dag!",
  nb: "Velkommen {names}, ha en fin dag!",
  fi: "Tervetuloa {names}, hyvää päivänjatkoa!",
  hu: "Üdvözöljük, {names}, szép napot!",
  ro: "Bun venit, {names}, o zi frumoasă!",
  tr: "Hoş geldiniz {names}, iyi günler!",
  vi: "Chào mừng {names}, chúc một ngày tốt lành!",
  id: "Selamat datang {names}, semoga harimu menyenangkan!",
  ru: "Добро пожаловать, {names}, хорошего дня!",
  uk: "Ласкаво просимо, {names}, гарного дня!",
  el: "Καλώς ήρθατε {names}, καλή σας μέρα!",
  he: "שלום {names}, יום נעים!",
  ar: "مرحبا {names}، طاب يومكم",
  hi: "स्वागत है {names}, आपका दिन शुभ हो!",
  th: "ยินดีต้อนรับ {names} ขอให้เป็นวันที่ดี",
};

/** What politeness puts after each name, where our own greeting is said. */
export const HONORIFICS: Readonly<Record<string, string>> = { ja: "さん", ko: "님" };
