/** What builtin/faq knows of languages: words that say nothing about a topic, greetings, and its own few sentences. */

export type Phrases = {
  hello: string;
  /** The answer to thanks or a farewell. */
  welcome: string;
  noAnswer: string;
  /** Introduces a list of questions. */
  topics: string;
  /** Said when the agent has no knowledge at all. */
  nothing: string;
};

/** `stop`, `greeting` and `thanks` are words, separated by spaces. */
export type LanguageData = { phrases: Phrases; stop: string; greeting: string; thanks: string };

/** The first is the one to fall back on. */
export const LANGUAGES: readonly LanguageData[] = [
  {
    phrases: {
      hello: "Hello!",
      welcome: "You are welcome!",
      noAnswer: "Sorry, I do not have an answer to that.",
      topics: "I can help with questions like these:",
      nothing: "I have not been given any answers yet.",
    },
    stop: "a about again all also always am an and any anybody anyone anything are as ask at available be been before being but by can could did do does doing don each else ever every for from get give go going got had has have having hello help her here hey hi him his how i if in into is it its just kindly know let like many may maybe me might mine more most must my need no not now of off ok okay on one or other our out over own perhaps please possible possibly provide question question really regarding say see shall she should show so some something still such sure take tell than thank thanks that the their them then there these they thing this those though to too under understand until up us use very want was way we well were what whether which while who whom whose why will wish with without wonder wondering would yes you your yours",
    greeting: "hi hello hey hiya greetings good morning afternoon evening day there everyone all again dear team bot",
    thanks:
      "thanks thank you thx cheers ok okay great perfect cool nice good awesome wonderful very so much many a lot for your the help that is was bye goodbye see later now",
  },
  {
    phrases: {
      hello: "Hallo!",
      welcome: "Gern geschehen!",
      noAnswer: "Dazu habe ich leider keine Antwort.",
      topics: "Bei Fragen wie diesen kann ich helfen:",
      nothing: "Mir wurden noch keine Antworten gegeben.",
    },
    stop: "aber alle als also am an auch auf aus bei beim bin bis bist bitte da damit dann das dass dazu dein dem den denn der des die dies diese dieser dieses doch du durch ein eine einem einen einer eines er es etwas euch euer eure finde für geben gibt habe haben hallo hat hätte hier hilfe ich ihr ihre ihrem ihren ihrer im in ins ist ja jede kann kannst kein keine könnt könnte können man mein meine meinem meinen meiner mich mir mit möchte muss müssen nach nein nicht noch nun nur ob oder ohne schon sein sich sie sind so soll über um und uns unser unsere unter viel vom von vor war was weil welche welcher welches wenn wer werden wie wieder will wir wird wo wollen würde zu zum zur",
    greeting: "hallo hi hey moin servus guten morgen tag abend grüß gott zusammen liebes team",
    thanks: "danke vielen dank dankeschön schön sehr super prima ok toll für die hilfe tschüss auf wiedersehen",
  },
  {
    phrases: {
      hello: "Bonjour !",
      welcome: "Je vous en prie !",
      noAnswer: "Désolé, je n'ai pas de réponse à cette question.",
      topics: "Je peux répondre à des questions comme celles-ci :",
      nothing: "On ne m'a pas encore donné de réponses.",
    },
    stop: "ai aide alors as au aussi aux avec avez avoir avons bonjour car ce cela ces cet cette chez comme comment dans de des dois donc du elle elles en es est et être eu eux faire fait faut il ils je la le les leur leurs lui ma mais me merci mes mon ne nos notre nous on ont ou où par pas peut peux plait plus pour pourquoi pouvez puis qu que quel quelle quelles quels qui quoi sa sans savoir ses si son sont sur ta te tes ton tous tout toute très tu un une vos votre voudrais vous y",
    greeting: "bonjour bonsoir salut coucou à tous",
    thanks: "merci beaucoup bien mille pour votre aide parfait super ok au revoir",
  },
  {
    phrases: {
      hello: "¡Hola!",
      welcome: "¡De nada!",
      noAnswer: "Lo siento, no tengo una respuesta para eso.",
      topics: "Puedo ayudar con preguntas como estas:",
      nothing: "Todavía no me han dado ninguna respuesta.",
    },
    stop: "a al algo algún alguna antes aquí así aún ayuda cada como cómo con cual cuál cuando de del desde donde dónde e el él ella ellos en entre era eres es esa ese eso esta está están este esto estos favor fue ha hacer hago hasta hay hola la las le les lo los más me mi mí mis mucho muy necesito ni no nos nosotros o otra otro para pero por porque puede pueden puedo que qué quiero quien quién quisiera saber se ser si sí sin sobre son soy su sus también te tengo tiene tienen todo tu tus un una unas uno unos usted ustedes vosotros y ya yo",
    greeting: "hola buenos buenas días tardes noches qué tal a todos",
    thanks: "gracias muchas mil por la ayuda perfecto vale ok adiós hasta luego",
  },
  {
    phrases: {
      hello: "Ciao!",
      welcome: "Prego!",
      noAnswer: "Mi dispiace, non ho una risposta a questa domanda.",
      topics: "Posso aiutare con domande come queste:",
      nothing: "Non mi è stata ancora data nessuna risposta.",
    },
    stop: "a ad agli ai aiuto al alla alle anche che chi ci ciao come con cosa cui da dal dalla degli dei del della delle di dove e è ed era essere fa fare gli ha hai hanno ho i il in io la le lei li lo loro lui ma me mi mia mie mio molto ne nei nel nella noi non o ogni per perché più posso può quale quali qual quando quella quello questa questo qui sa se sei si sia siamo sono sta su sua sue sul sulla suo tra tu tua tuo tutti tutto un una uno vi voglio voi vorrei vostra vostri vostro",
    greeting: "ciao salve buongiorno buonasera buon giorno a tutti",
    thanks: "grazie mille molte tante perfetto ok per l aiuto arrivederci",
  },
  {
    phrases: {
      hello: "Olá!",
      welcome: "De nada!",
      noAnswer: "Desculpe, não tenho uma resposta para isso.",
      topics: "Posso ajudar com perguntas como estas:",
      nothing: "Ainda não me deram nenhuma resposta.",
    },
    stop: "a ajuda algum alguma ao aos aqui as até cada com como da das de dela dele deles do dos e é ela elas ele eles em entre era essa esse esta está estão estas este eu favor fazer foi for gostaria há isso isto já lhe mais mas me meu meus minha minhas muito na não nas nem no nos nossa nosso num numa o olá onde os ou para pela pelo pode podem por porque posso preciso qual quais quando que quem quero saber se sem ser seu seus sim só sobre são sua suas também te tem têm tenho tudo um uma umas uns vai você vocês",
    greeting: "olá oi bom boa dia tarde noite a todos",
    thanks: "obrigado obrigada muito pela ajuda valeu perfeito ok tchau até logo",
  },
  {
    phrases: {
      hello: "Hallo!",
      welcome: "Graag gedaan!",
      noAnswer: "Sorry, daar heb ik geen antwoord op.",
      topics: "Ik kan helpen met vragen zoals deze:",
      nothing: "Ik heb nog geen antwoorden gekregen.",
    },
    stop: "aan al alle alleen als ben bij daar dan dat de deze die dit doe doen door dus een en er geen graag had heb hebben hebt heeft hem hen het hier hij hoe hulp hun ik in is ja je jij jouw jullie kan kunnen kunt maar me meer met mij mijn moet na naar nee niet nog nu of om onder ons onze ook op over te tot u uit uw van veel voor waar waarom want waren was wat we weer welk welke wel wie wij wil willen word worden wordt zal ze zich zij zijn zo zonder zou",
    greeting: "hallo hoi hey goedemorgen goedemiddag goedenavond goede dag allemaal",
    thanks: "bedankt dank je u wel hartelijk super prima ok voor de hulp doei tot ziens",
  },
];

/** Words that point back at what was said before. */
export const REFERRING_WORDS =
  "it its that this these those they them there then one ones same das es dies diese davon dort cela ça ce eso esa ese esto questo quello isso isto dat dit deze";

/** Words without a topic in languages that the phrases are not written in. */
export const MORE_STOP_WORDS =
  "и в во на с со что как я вы мы он она они ли у к по за о об от для это есть мой моя ваш ваша можно могу мне вас нам какие какой какая не да но а или бы же " +
  "的 了 吗 嗎 呢 吧 是 在 有 我 你 您 他 她 们 我们 你们 您们 什么 怎么 怎样 哪些 请 请问 可以 能 和 与 也 都 就 还 会 要 想 吗 一个 " +
  "は が を に の で と も へ や か ね よ な だ です ます ました ください こと もの これ それ あれ どの どう 何 なに いる ある する し て いつ お ご";

/** Words that set a time or a place rather than a topic: they help to choose, they do not decide. */
export const WEAK_WORDS =
  "today tonight tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday weekday weekend holiday week month year day time long often always number place area spot lot " +
  "heute morgen montag dienstag mittwoch donnerstag freitag samstag sonntag wochenende feiertag lange " +
  "aujourd demain lundi mardi mercredi jeudi vendredi samedi dimanche hoy mañana lunes martes miércoles jueves viernes sábado domingo " +
  "oggi domani lunedì martedì mercoledì giovedì venerdì sabato domenica hoje amanhã segunda terça quarta quinta sexta vandaag weekeinde";

/** Words that ask for the same thing, one group a line; a word stands in one group only. */
export const SAME_TOPIC: readonly string[] = [
  "price cost fee charge expensive cheap tariff pricing much preis kosten kostet gebühr prix coût coûte tarif precio cuesta coste prezzo preço custa prijs kost цена стоит стоимость",
  "hour open close opening closing when time öffnungszeiten geöffnet horaires ouverture ouvert horario abierto abren orari aperto apertura aberto openingstijden geopend",
  "return refund exchange rückgabe retoure rückerstattung remboursement devolución reembolso reso rimborso devolução terugbetaling вернуть возврат",
  "delivery deliver ship shipping shipment dispatch arrive courier lieferung liefern versand livraison livrer envío entrega consegna spedizione levering verzending доставка",
  "cancel cancellation terminate unsubscribe quit stornieren kündigen kündigung annuler résilier cancelar anular annullare disdire annuleren opzeggen отменить",
  "contact reach call phone telephone email mail support kontakt telefon erreichen contacter téléphone contacto teléfono contatto telefono contato",
  "address location located situated directions where adresse anfahrt standort dirección indirizzo endereço adres адрес",
  "pay payment paypal card cash invoice zahlung zahlen bezahlen paiement payer pago pagar pagamento betalen betaling оплата",
  "account profile login signup register registration konto compte cuenta conta",
  "password passcode passwort contraseña senha wachtwoord пароль",
  "book booking reserve reservation appointment buchen buchung termin réserver réservation reservar prenotare prenotazione reserveren",
  "discount coupon voucher promo promotion rabatt gutschein réduction descuento sconto desconto korting скидка",
  "warranty guarantee garantie garantía garanzia garantia гарантия",
  "change modify edit update reschedule ändern modifier cambiar modificare alterar wijzigen",
  "job career vacancy hiring karriere stellen emploi empleo lavoro emprego vacature",
];
