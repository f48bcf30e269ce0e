//! Words in many languages and scripts: names of flows and queues, and texts of messages. All of them are invented.

pub(crate) struct Language {
    pub(crate) code: &'static str,
    pub(crate) flow: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) attribute: &'static str,
    pub(crate) texts: [&'static str; 3],
}

pub(crate) const LANGUAGES: [Language; 12] = [
    Language {
        code: "en-us",
        flow: "Web Support Message Flow",
        queue: "Web Support",
        attribute: "Order number",
        texts: [
            "My parcel has not arrived yet.",
            "Thanks, that \"solved\" it.\nBye",
            "I'd like a refund, please.",
        ],
    },
    Language {
        code: "de-de",
        flow: "Begrüßung und Übergabe",
        queue: "Kundendienst",
        attribute: "Kundennummer",
        texts: [
            "Meine Rechnung weicht um 12,50 € ab.",
            "Könnten Sie das bitte prüfen?",
            "Straße und Hausnummer stimmen nicht.",
        ],
    },
    Language {
        code: "fr-fr",
        flow: "Flux d’accueil – été",
        queue: "Service après-vente",
        attribute: "N° de commande",
        texts: [
            "Où en est ma commande ?",
            "Ça marche, merci beaucoup.",
            "L’article reçu est cassé.",
        ],
    },
    Language {
        code: "es-es",
        flow: "Atención al cliente",
        queue: "Devoluciones",
        attribute: "Número de pedido",
        texts: [
            "¿Cuándo llegará el envío?",
            "Mañana estaré en casa.",
            "No funciona la contraseña…",
        ],
    },
    Language {
        code: "pl-pl",
        flow: "Zgłoszenia techniczne",
        queue: "Dział reklamacji",
        attribute: "Numer zamówienia",
        texts: [
            "Proszę o zmianę adresu.",
            "Dziękuję, wszystko jasne.",
            "Żądam zwrotu pieniędzy.",
        ],
    },
    Language {
        code: "ru-ru",
        flow: "Приём обращений",
        queue: "Поддержка",
        attribute: "Номер заказа",
        texts: [
            "Где мой заказ?",
            "Спасибо за помощь!",
            "Оплата прошла дважды.",
        ],
    },
    Language {
        code: "ar-ae",
        flow: "مسار الترحيب",
        queue: "خدمة العملاء",
        attribute: "رقم الطلب",
        texts: [
            "أين طلبي؟ رقم 4711",
            "شكراً جزيلاً",
            "\u{200f}لم تصل الشحنة بعد.",
        ],
    },
    Language {
        code: "he-il",
        flow: "זרימת שירות",
        queue: "תמיכה",
        attribute: "מספר הזמנה",
        texts: ["איפה החבילה שלי?", "תודה רבה!", "אני רוצה לבטל (ORDER-17)."],
    },
    Language {
        code: "ja-jp",
        flow: "お問い合わせフロー",
        queue: "サポート窓口",
        attribute: "注文番号",
        texts: [
            "荷物がまだ届きません。",
            "ありがとうございました。",
            "住所を変更したいです。",
        ],
    },
    Language {
        code: "zh-cn",
        flow: "在线客服流程",
        queue: "售后服务",
        attribute: "订单号",
        texts: [
            "我的订单在哪里？",
            "谢谢，已经解决了。",
            "请帮我退款，𠮷先生。",
        ],
    },
    Language {
        code: "hi-in",
        flow: "ग्राहक सेवा प्रवाह",
        queue: "सहायता",
        attribute: "ऑर्डर संख्या",
        texts: ["मेरा ऑर्डर कहाँ है?", "बहुत धन्यवाद।", "पता बदलना है।"],
    },
    Language {
        code: "th-th",
        flow: "ขั้นตอนต้อนรับ",
        queue: "ฝ่ายบริการ",
        attribute: "หมายเลขคำสั่งซื้อ",
        texts: ["สินค้ายังไม่มาถึง", "ขอบคุณค่ะ 🙏🏽", "ต้องการคืนเงิน 👩‍👩‍👧"],
    },
];
