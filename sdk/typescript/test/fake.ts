import { Oms, type OmsOptions } from '../src/index.ts';

/** A request as it was sent. */
export interface Sent {
  method: string;
  url: string;
  headers: Headers;
  body: string;
}

/** An answer, or an error of the connection. */
export type Reply = Error | { status?: number; body?: unknown; headers?: Record<string, string> };

/** A client whose requests get these answers in turn, the last one repeatedly, with a clock that only pauses move. */
export function fake(replies: Reply[], options: Partial<OmsOptions> = {}): { oms: Oms; sent: Sent[]; pauses: number[] } {
  const sent: Sent[] = [];
  const pauses: number[] = [];
  const oms = new Oms({
    baseUrl: 'https://oms.example/',
    credential: 'secret',
    random: () => 1,
    sleep: async (ms) => {
      pauses.push(ms);
    },
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers);
      sent.push({ method: init?.method ?? '', url: String(url), headers, body: String(init?.body ?? '') });
      const reply = replies[Math.min(sent.length, replies.length) - 1];
      if (reply instanceof Error || reply === undefined) throw reply ?? new Error('no reply is left');
      const { status = 200, body = {} } = reply;
      const text = status === 204 || status === 304 ? null : typeof body === 'string' ? body : JSON.stringify(body);
      return new Response(text, { status, headers: reply.headers ?? {} });
    },
    ...options,
  });
  return { oms, sent, pauses };
}

/** A refusal. */
export function problem(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Reply {
  return { status, headers, body: { type: 'about:blank', title: 'No', status, code, ...more } };
}

export const ORDER = {
  customerId: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa',
  paymentMethod: 'pm_card_visa',
  shippingAddress: '191 Peachtree St NE, Atlanta, GA',
  items: [{ productId: '11111111-1111-4111-8111-111111111111', quantity: 2 }],
};
export const ID = '01a2057d-fe6d-70bb-8eed-a7de1ae0065e';
