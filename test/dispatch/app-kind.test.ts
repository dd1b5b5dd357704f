import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import { resolveApp } from '../../src/dispatch/apps/app-kind.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const respond = () => new Response()

describe('detection of the kind of app', () => {
  const cases: [what: string, app: unknown, kind: 'fetch' | 'node'][] = [
    ['a function without parameters', () => {}, 'node'],
    ['a function with one parameter', (_: Request) => respond(), 'fetch'],
    ['a function with two parameters', (_: unknown, __: unknown) => {}, 'node'],
    ['a function with rest parameters', (..._: unknown[]) => {}, 'node'],
    ['an http.Server', createServer(), 'node'],
    ['Express', express(), 'node'],
    ['Fastify', fastify(), 'node'],
    ['Koa', new Koa(), 'node'],
    ["Koa's callback", new Koa().callback(), 'node'],
    ['Hono', new Hono(), 'fetch'],
    ['{ fetch }', { fetch: respond }, 'fetch'],
  ]
  for (const [what, app, kind] of cases) {
    test(what, () => assert.equal(resolveApp(app).kind, kind))
  }

  test('kind overrides the detection', () => {
    assert.equal(resolveApp((_: unknown) => {}, 'node').kind, 'node')
    assert.equal(resolveApp(() => respond(), 'fetch').kind, 'fetch')
    const both = Object.assign(createServer(), { fetch: respond })
    assert.equal(resolveApp(both).kind, 'fetch')
    assert.equal(resolveApp(both, 'node').kind, 'node')
  })

  for (const app of [
    undefined,
    null,
    'app',
    1,
    {},
    [],
    { fetch: true },
    Promise.resolve(respond),
  ]) {
    test(`not an app: ${String(app)}`, () => {
      assert.throws(() => resolveApp(app), { name: 'TypeError', message: /^app must be/ })
    })
  }

  test('not an app of the given kind', () => {
    assert.throws(() => resolveApp(createServer(), 'fetch'), /app must be a fetch handler/)
    assert.throws(
      () => resolveApp({ fetch: respond }, 'node'),
      /app must be a \(req, res\) listener/,
    )
    assert.throws(() => resolveApp(respond, 'wsgi' as never), /kind must be/)
  })
})

describe('options', () => {
  const bad: [options: object, message: RegExp][] = [
    [{}, /app must be/],
    [{ app: respond, client: 'me' }, /client must be/],
    [{ app: respond, client: ['::1', 65_536] }, /client must be/],
    [{ app: respond, client: ['::1', '80'] }, /client must be/],
    [{ app: respond, rootPath: 'mount' }, /rootPath must be/],
    [{ app: respond, rootPath: null }, /rootPath must be/],
    [{ app: respond, raiseAppExceptions: 1 }, /raiseAppExceptions must be true or false/],
    [{ app: respond, raiseExceptions: true }, /raiseExceptions is not an option/],
  ]
  for (const [options, message] of bad) {
    test(`${message.source}, not ${JSON.stringify(options)}`, () => {
      assert.throws(() => new AppDispatcher(options as never), { name: 'TypeError', message })
    })
  }

  test('determine the types of the parameters', () => {
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

  test('22 a polluted prototype has no effect', () => {
    withPollutedPrototype(
      { kind: 'wrong', client: 'wrong', rootPath: 1, raiseAppExceptions: 1 },
      () => {
        assert.ok(new AppDispatcher({ app: respond }))
        assert.throws(() => new AppDispatcher({} as never), TypeError)
      },
    )
  })
})
