import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer } from 'node:http'
import { buffer, json } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import busboy from 'busboy'
import express from 'express'
import type { FastifyInstance } from 'fastify'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { encodeBody } from '../../src/content/encode-body.ts'
import type { App } from '../../src/dispatch/apps/app-kind.ts'
import { sendToApp } from './send-to-app.ts'

/**
 * The same app in every framework:
 * POST /echo         returns the JSON of the request
 * POST /upload       parses multipart, and returns the name and the size of the file
 * GET /cookies       sets two cookies, and returns the Cookie field as text
 * GET /moved         303 to /echo
 * GET /unchanged     304
 * GET /broken        the 500 of the framework, if it has one
 */
const file = { name: 'a.txt', size: 100_000 }

function multipartOf(request: IncomingMessage): Promise<typeof file> {
  return new Promise((resolve, reject) => {
    const parts = busboy({ headers: request.headers as Record<string, string> })
    parts.on('file', (_field, stream, { filename }) => {
      buffer(stream).then(
        (bytes) => resolve({ name: String(filename), size: bytes.length }),
        reject,
      )
    })
    request.pipe(parts.on('error', reject))
  })
}

const listener: RequestListener = async (request, response) => {
  const sendJson = (value: unknown) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  switch (request.url) {
    case '/echo':
      return sendJson(await json(request))
    case '/upload':
      return sendJson(await multipartOf(request))
    case '/cookies':
      return response.setHeader('set-cookie', ['a=1', 'b=2']).end(request.headers.cookie)
    case '/moved':
      return response.writeHead(303, { location: '/echo' }).end()
    case '/unchanged':
      return response.writeHead(304, { etag: '"1"' }).end()
    default:
      return response.writeHead(500).end()
  }
}

function expressApp(): App {
  const app = express().set('env', 'test')
  app.post('/echo', express.json(), (request, response) => void response.json(request.body))
  app.post('/upload', async (request, response) => void response.json(await multipartOf(request)))
  app.get('/cookies', (request, response) => {
    response.cookie('a', '1').cookie('b', '2').send(request.headers.cookie)
  })
  app.get('/moved', (_, response) => response.redirect(303, '/echo'))
  app.get('/unchanged', (_, response) => void response.set('etag', '"1"').status(304).end())
  app.get('/broken', () => {
    throw new Error('broken')
  })
  return app
}

function fastifyApp(): FastifyInstance {
  const app = fastify()
  app.addContentTypeParser('multipart/form-data', (_, payload, done) => done(null, payload))
  app.post('/echo', async (request) => request.body)
  app.post('/upload', async (request) => multipartOf(request.raw))
  app.get('/cookies', async (request, reply) =>
    reply.header('set-cookie', 'a=1').header('set-cookie', 'b=2').send(request.headers.cookie),
  )
  app.get('/moved', async (_, reply) => reply.redirect('/echo', 303))
  app.get('/unchanged', async (_, reply) => reply.header('etag', '"1"').code(304).send())
  app.get('/broken', async () => {
    throw new Error('broken')
  })
  return app
}

function koaApp(): Koa {
  const app = new Koa()
  app.silent = true
  app.use(async (context) => {
    switch (context.path) {
      case '/echo':
        context.body = await json(context.req)
        return
      case '/upload':
        context.body = await multipartOf(context.req)
        return
      case '/cookies':
        context.set('set-cookie', ['a=1', 'b=2'])
        context.body = context.get('cookie')
        return
      case '/moved':
        context.redirect('/echo')
        context.status = 303
        return
      case '/unchanged':
        context.status = 304
        context.set('etag', '"1"')
        return
      default:
        throw new Error('broken')
    }
  })
  return app
}

function honoApp(): Hono {
  const app = new Hono()
  app.post('/echo', async (context) => context.json(await context.req.json()))
  app.post('/upload', async (context) => {
    const { upload } = await context.req.parseBody()
    assert.ok(upload instanceof File)
    return context.json({ name: upload.name, size: upload.size })
  })
  app.get('/cookies', (context) => {
    context.header('set-cookie', 'a=1')
    context.header('set-cookie', 'b=2', { append: true })
    return context.text(context.req.header('cookie') ?? '')
  })
  app.get('/moved', (context) => context.redirect('/echo', 303))
  app.get('/unchanged', (context) => context.body(null, 304, { etag: '"1"' }))
  app.get('/broken', () => {
    throw new Error('broken')
  })
  app.onError((_, context) => context.text('', 500))
  return app
}

async function fetchHandler(request: Request): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case '/echo':
      return Response.json(await request.json())
    case '/upload': {
      const upload = (await request.formData()).get('upload')
      assert.ok(upload instanceof File)
      return Response.json({ name: upload.name, size: upload.size })
    }
    case '/cookies': {
      const headers: [string, string][] = [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]
      return new Response(request.headers.get('cookie'), { headers })
    }
    case '/moved':
      return new Response(null, { status: 303, headers: { location: '/echo' } })
    case '/unchanged':
      return new Response(null, { status: 304, headers: { etag: '"1"' } })
    default:
      return new Response(null, { status: 500 })
  }
}

const apps: Record<string, () => App> = {
  'a plain listener': () => listener,
  'an http.Server': () => createServer(listener),
  Express: expressApp,
  Fastify: fastifyApp,
  Koa: koaApp,
  "Koa's callback": () => koaApp().callback(),
  Hono: honoApp,
  'a fetch handler': () => fetchHandler,
}

for (const [name, make] of Object.entries(apps)) {
  describe(name, () => {
    test('JSON', async (t) => {
      const response = await sendToApp(t, make())('/echo', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"a":[1,"ä"]}',
      })
      assert.equal(response.status, 200)
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
      assert.deepEqual(await response.json(), { a: [1, 'ä'] })
    })

    test('a multipart upload, streamed', async (t) => {
      async function* content() {
        for (let i = 0; i < 10; i++) yield Buffer.alloc(file.size / 10)
      }
      const upload = encodeBody({ files: { upload: [file.name, content()] } }, null)
      const response = await sendToApp(t, make())('/upload', {
        method: 'POST',
        headers: { 'content-type': upload?.contentType },
        body: upload?.content,
      })
      assert.deepEqual(await response.json(), file)
    })

    test('several cookies', async (t) => {
      const response = await sendToApp(t, make())('/cookies', { headers: { cookie: 'c=3; d=4' } })
      const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
      assert.deepEqual(cookies, ['a=1', 'b=2'])
      assert.equal(await response.text(), 'c=3; d=4')
    })

    test('a redirect is a response', async (t) => {
      const response = await sendToApp(t, make())('/moved')
      assert.equal(response.status, 303)
      assert.equal(response.headers.get('location'), '/echo')
      await response.bytes()
    })

    test('304 has no body', async (t) => {
      const response = await sendToApp(t, make())('/unchanged')
      assert.equal(response.status, 304)
      assert.equal(response.headers.get('etag'), '"1"')
      assert.equal((await response.bytes()).length, 0)
    })

    test('the 500 of the framework is the response', async (t) => {
      const response = await sendToApp(t, make())('/broken')
      assert.equal(response.status, 500)
      assert.equal(response.statusText, 'Internal Server Error')
      await response.bytes()
    })

    test('fifty concurrent calls get their own responses', async (t) => {
      const call = sendToApp(t, make())
      const headers = { 'content-type': 'application/json' }
      const answers = await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const body = JSON.stringify({ i })
          return (await call('/echo', { method: 'POST', headers, body })).json()
        }),
      )
      assert.deepEqual(
        answers,
        answers.map((_, i) => ({ i })),
      )
    })
  })
}
