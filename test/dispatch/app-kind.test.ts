import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import { resolveApp } from '../../src/dispatch/apps/app-kind.ts'
import { whilePolluted } from '../support/pollution.ts'

const answer = () => new Response()

describe('which kind of app', () => {
  const cases: [what: string, app: unknown, kind: 'fetch' | 'node'][] = [
    ['a function of no parameter', () => {}, 'node'],
    ['a function of one parameter', (_: Request) => answer(), 'fetch'],
    ['a function of two parameters', (_: unknown, __: unknown) => {}, 'node'],
    ['a function of rest parameters', (..._: unknown[]) => {}, 'node'],
    ['an http.Server', createServer(), 'node'],
    ['Express', express(), 'node'],
    ['Fastify', fastify(), 'node'],
    ['Koa', new Koa(), 'node'],
    ["Koa's callback", new Koa().callback(), 'node'],
    ['Hono', new Hono(), 'fetch'],
    ['{ fetch }', { fetch: answer }, 'fetch'],
  ]
  for (const [what, app, kind] of cases) {
    test(what, () => assert.equal(resolveApp(app).kind, kind))
  }

  test('as kind says', () => {
    assert.equal(resolveApp((_: unknown) => {}, 'node').kind, 'node')
    assert.equal(resolveApp(() => answer(), 'fetch').kind, 'fetch')
    const both = Object.assign(createServer(), { fetch: answer })
    assert.equal(resolveApp(both).kind, 'fetch')
    assert.equal(resolveApp(both, 'node').kind, 'node')
  })

  for (const app of [undefined, null, 'app', 1, {}, [], { fetch: true }, Promise.resolve(answer)]) {
    test(`none: ${String(app)}`, () => {
      assert.throws(() => resolveApp(app), { name: 'TypeError', message: /^app must be/ })
    })
  }

  test('none of that kind', () => {
    assert.throws(() => resolveApp(createServer(), 'fetch'), /no fetch app/)
    assert.throws(() => resolveApp({ fetch: answer }, 'node'), /no \(req, res\) listener/)
    assert.throws(() => resolveApp(answer, 'wsgi' as never), /kind must be/)
  })
})

describe('options', () => {
  const bad: [options: object, message: RegExp][] = [
    [{}, /app must be/],
    [{ app: answer, client: 'me' }, /client must be/],
    [{ app: answer, client: ['::1', 65_536] }, /client must be/],
    [{ app: answer, client: ['::1', '80'] }, /client must be/],
    [{ app: answer, rootPath: 'mount' }, /rootPath must be/],
    [{ app: answer, rootPath: null }, /rootPath must be/],
    [{ app: answer, raiseAppExceptions: 1 }, /raiseAppExceptions must be true or false/],
    [{ app: answer, raiseExceptions: true }, /raiseExceptions is not an option/],
  ]
  for (const [options, message] of bad) {
    test(`${message.source}, not ${JSON.stringify(options)}`, () => {
      assert.throws(() => new AppDispatcher(options as never), { name: 'TypeError', message })
    })
  }

  test('say to TypeScript what the parameters are', () => {
    assert.ok(new AppDispatcher({ app: (request, response) => response.end(request.url) }))
    const app = { fetch: (request: Request) => new Response(request.url) }
    assert.ok(new AppDispatcher({ app }))
    assert.ok(
      new AppDispatcher({
        kind: 'fetch',
        app: (request, { client }) => new Response(`${request.url} ${client[0]}`),
      }),
    )
  })

  test('22 a polluted prototype says nothing', () => {
    whilePolluted({ kind: 'wrong', client: 'wrong', rootPath: 1, raiseAppExceptions: 1 }, () => {
      assert.ok(new AppDispatcher({ app: answer }))
      assert.throws(() => new AppDispatcher({} as never), TypeError)
    })
  })
})
