/** Two fictional companies to try the API with: a plant shop whose agent answers from its FAQ, and a bicycle workshop. */
import type { Scope } from "../../auth/principal.ts";
import type { agent } from "../../db/schema.ts";
import type { Knowledge } from "../../chat/agent.ts";

type DemoAgent = Pick<typeof agent.$inferInsert, "id" | "name" | "description" | "model" | "lead_form"> & {
  instructions?: string;
  greeting?: string;
  knowledge: Knowledge[];
};

export type DemoCompany = {
  company_id: string;
  user_id: string;
  name: string;
  owner: string;
  keys: Record<string, Scope[]>;
  agents: DemoAgent[];
};

/** Ids are the same in every checkout, so that the next start finds the rows again. */
const demoId = (n: number) => `019ab2f4-0000-7000-8000-${String(n).padStart(12, "0")}`;

export const FAQ_AGENT = demoId(3);
export const ECHO_AGENT = demoId(4);
export const OTHER_AGENT = demoId(13);

const shop: Knowledge[] = [
  {
    question: "What are your opening hours?",
    answer:
      "Our shop at 12 Mill Lane is open Monday to Friday from 9:00 to 18:30 and Saturday from 9:00 to 16:00. We are closed on Sundays and public holidays.",
  },
  {
    question: "How long does delivery take, and what does shipping cost?",
    answer:
      "Orders placed before 14:00 on a weekday are sent the same day and arrive in 2 to 3 working days. Shipping costs 4.90 € and is free from 60 €.",
  },
  {
    question: "Do you ship abroad, to other countries?",
    answer: "We deliver in Germany, Austria and the Netherlands. Live plants cannot be sent further without spoiling.",
  },
  {
    question: "Can I return a plant? What is your return and refund policy?",
    answer:
      "You may return anything within 30 days. Send us a photo first; we e-mail a prepaid label and refund you within 5 working days of its arrival. Cut flowers and seeds that were opened are excluded.",
  },
  {
    question: "My plant arrived damaged or broken. What now?",
    answer:
      "Sorry about that! Send a photo to help@fernandfield.example within 7 days, and we replace the plant or give your money back, whichever you prefer. You need not send the damaged one back.",
  },
  {
    question: "Which payment methods do you accept? Can I pay by card, PayPal or invoice?",
    answer:
      "Online: Visa, Mastercard, PayPal, SEPA direct debit and, from your second order, invoice with 14 days to pay. In the shop: cards and cash.",
  },
  {
    question: "How do I track my order, where is my parcel?",
    answer:
      "The e-mail that we send when a parcel leaves us has a tracking link. If it has shown nothing new for two working days, write to help@fernandfield.example with your order number.",
  },
  {
    question: "Can I change or cancel my order?",
    answer:
      "Until 14:00 on the day we send it, yes: use the link in the confirmation e-mail or call us on 030 555 01 88.",
  },
  {
    question: "How often should I water my plants?",
    answer:
      "Put a finger 2 cm into the soil: water when it feels dry. For most leafy house plants that is once a week in summer and every two weeks in winter; succulents want half as much.",
  },
  {
    question: "Which plants are safe for cats, dogs and other pets?",
    answer:
      "Spider plants, calatheas, peperomias and Boston ferns are harmless to cats and dogs. Keep lilies, philodendrons and dieffenbachias away from them. Our labels carry a paw where a plant is safe.",
  },
  {
    question: "Do you have gift cards, vouchers or gift wrapping?",
    answer:
      "Gift cards from 10 € come by e-mail at once. We wrap any order as a gift for 3 €, with a card in your words.",
  },
  {
    question: "How can I contact you, speak to a person, or phone customer service?",
    answer:
      "Write to help@fernandfield.example, or call 030 555 01 88 Monday to Friday from 9:00 to 17:00. We answer e-mails within one working day.",
  },
];

const neighbour: Knowledge[] = [
  { question: "When is the workshop open?", answer: "Tuesday to Saturday from 10:00 to 18:00." },
  {
    question: "How long does a repair take?",
    answer: "Most repairs are ready the next working day; wheels take three.",
  },
  { question: "What does a service cost?", answer: "A full bicycle service costs 89 €, parts not included." },
];

export const DEMO: DemoCompany = {
  company_id: demoId(1),
  user_id: demoId(2),
  name: "Demo",
  owner: "Demo User",
  keys: { admin: ["admin"], read_write: ["read", "write"], read_only: ["read"] },
  agents: [
    {
      id: FAQ_AGENT,
      name: "Fern & Field",
      description: "Answers questions about the plant shop Fern & Field.",
      instructions:
        "You answer customers of the plant shop Fern & Field, briefly and kindly. Say so when you do not know something.",
      model: "builtin/faq",
      greeting: "Hello! Ask me about opening hours, delivery, returns or looking after your plants.",
      lead_form: "optional",
      knowledge: shop,
    },
    {
      id: ECHO_AGENT,
      name: "Echo",
      description: "Says what it was told, for trying out clients.",
      model: "builtin/echo",
      lead_form: "none",
      knowledge: [],
    },
  ],
};

export const OTHER: DemoCompany = {
  company_id: demoId(11),
  user_id: demoId(12),
  name: "Other",
  owner: "Other User",
  keys: { read_write: ["read", "write"] },
  agents: [
    {
      id: OTHER_AGENT,
      name: "Spoke & Chain",
      description: "Answers questions about a bicycle workshop.",
      model: "builtin/faq",
      greeting: "Hello! What does your bicycle need?",
      lead_form: "none",
      knowledge: neighbour,
    },
  ],
};
