export * from './client.ts';
export { EventFeed, type EventOfOrder, type EventSelection, type FollowOptions, isAboutOrder, type OmsEvent, type Selected } from './follow.ts';
export * from './operations.gen.ts';
export { type Page, Pages } from './pages.ts';
export { ConnectionFailed, type Failed, InProgress, isProblem, Problem, type ProblemCode, type ProblemOf } from './problem.ts';
export type { CallOptions, KeyOptions, OmsOptions, Result, VersionOptions } from './request.ts';
export type { KeyedVersionOptions, ReadOptions } from './resource.ts';
export type * as types from './types.gen.ts';
export { InvalidWebhook, verify, type VerifyOptions, type WebhookEvent } from './webhooks.ts';
