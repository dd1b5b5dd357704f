;; The recorder: llhttp calls back into it, inside wasm, and it writes down what was said.
;; JavaScript makes one call a read, `parse`, and then looks at the record.
;;
;; One block of 128 bytes is all that a message needs between two reads: llhttp's parser (64 bytes)
;; and the record behind it. Whoever owns a message keeps a copy of the block. README.md has the map.
;;
;; "Relative" positions count from the message's first byte, the `base` that `parse` is given, so that
;; they hold when the bytes of a head are put back at another place; "absolute" ones are good for one read.
(module
  (import "llhttp" "memory" (memory 2))
  (import "llhttp" "_initialize" (func $initialize))
  (import "llhttp" "llhttp_alloc" (func $alloc (param i32) (result i32)))
  (import "llhttp" "llhttp_execute" (func $execute (param i32 i32 i32) (result i32)))
  (import "llhttp" "llhttp_get_error_pos" (func $error_pos (param i32) (result i32)))
  (import "llhttp" "llhttp_get_http_major" (func $major (param i32) (result i32)))
  (import "llhttp" "llhttp_get_http_minor" (func $minor (param i32) (result i32)))
  (import "llhttp" "llhttp_get_status_code" (func $status (param i32) (result i32)))
  (import "llhttp" "llhttp_should_keep_alive" (func $should_keep_alive (param i32) (result i32)))
  (import "llhttp" "llhttp_resume" (func $resume (param i32)))

  ;; Memory behind llhttp's own two pages. All of it is there from the start: it never grows.
  (global $STATE (export "STATE") i32 (i32.const 131072))
  (global $STATE_SIZE (export "STATE_SIZE") i32 (i32.const 128))
  (global $TEMPLATE i32 (i32.const 131328))
  (global $WINDOW (export "WINDOW") i32 (i32.const 196608))
  (global $WINDOW_SIZE (export "WINDOW_SIZE") i32 (i32.const 131072))

  ;; The record, as offsets from STATE. All i32 but CONTENT_LENGTH.
  (global $FLAGS (export "FLAGS") i32 (i32.const 64))
  (global $STATUS (export "STATUS") i32 (i32.const 68))
  (global $FIELDS (export "FIELDS") i32 (i32.const 72))                ;; field lines of the head, then of the trailers
  (global $INSIDE (export "INSIDE") i32 (i32.const 76))                ;; 0, IN_NAME or IN_VALUE
  (global $NAME_START (export "NAME_START") i32 (i32.const 80))        ;; relative
  (global $NAME_END (export "NAME_END") i32 (i32.const 84))            ;; relative
  (global $HEAD_END (export "HEAD_END") i32 (i32.const 88))            ;; relative, behind the empty line
  (global $TRAILER_START (export "TRAILER_START") i32 (i32.const 92))  ;; relative; 0 without trailers
  (global $BODY_START (export "BODY_START") i32 (i32.const 96))        ;; absolute: this read's run of body bytes
  (global $BODY_END (export "BODY_END") i32 (i32.const 100))           ;; absolute
  (global $ERROR (export "ERROR") i32 (i32.const 104))                 ;; 0, llhttp's errno, or a REFUSED_* of ours
  (global $CONSUMED (export "CONSUMED") i32 (i32.const 108))           ;; absolute: where parsing stopped
  (global $FRAMING (export "FRAMING") i32 (i32.const 112))             ;; llhttp's flags at the head's end
  (global $REFUSAL i32 (i32.const 116))
  (global $CONTENT_LENGTH (export "CONTENT_LENGTH") i32 (i32.const 120)) ;; f64: exact up to 2^53

  ;; FLAGS
  (global $HEAD_COMPLETE (export "HEAD_COMPLETE") i32 (i32.const 1))
  (global $MESSAGE_COMPLETE (export "MESSAGE_COMPLETE") i32 (i32.const 2))
  (global $PERSISTENT (export "PERSISTENT") i32 (i32.const 4))         ;; RFC 9112 9.3, so far as llhttp sees it
  (global $HTTP_1_0 (export "HTTP_1_0") i32 (i32.const 8))
  (global $HAS_CONNECTION (export "HAS_CONNECTION") i32 (i32.const 16)) ;; maybe: a name of that length and first letter
  (global $HAS_KEEP_ALIVE (export "HAS_KEEP_ALIVE") i32 (i32.const 32)) ;; likewise
  (global $HAS_TRANSFER_ENCODING (export "HAS_TRANSFER_ENCODING") i32 (i32.const 64)) ;; likewise

  ;; FRAMING, as llhttp names them
  (global $F_CONNECTION_CLOSE (export "F_CONNECTION_CLOSE") i32 (i32.const 0x02))
  (global $F_CHUNKED (export "F_CHUNKED") i32 (i32.const 0x08))
  (global $F_CONTENT_LENGTH (export "F_CONTENT_LENGTH") i32 (i32.const 0x20))
  (global $F_SKIPBODY i32 (i32.const 0x40))
  (global $F_TRANSFER_ENCODING (export "F_TRANSFER_ENCODING") i32 (i32.const 0x200))

  ;; The mode of `parse`
  (global $FRESH (export "FRESH") i32 (i32.const 1))                   ;; a new message: forget the last one
  (global $NO_BODY (export "NO_BODY") i32 (i32.const 2))               ;; the answer to HEAD
  (global $TO_CONNECT (export "TO_CONNECT") i32 (i32.const 4))         ;; the answer to CONNECT

  ;; llhttp accepts these, we do not.
  (global $REFUSED_STATUS (export "REFUSED_STATUS") i32 (i32.const 101))
  (global $REFUSED_VERSION (export "REFUSED_VERSION") i32 (i32.const 102))
  (global $REFUSED_REASON (export "REFUSED_REASON") i32 (i32.const 103))
  (global $REFUSED_FIELDS (export "REFUSED_FIELDS") i32 (i32.const 104))
  (global $MAX_FIELDS (export "MAX_FIELDS") i32 (i32.const 1000))

  ;; llhttp's own layout and codes; the pinned hash of its module covers them.
  (global $PAUSED (export "PAUSED") i32 (i32.const 21))
  (global $PARSER_CONTENT_LENGTH i32 (i32.const 32))
  (global $PARSER_FLAGS i32 (i32.const 50))
  (global $RESPONSE i32 (i32.const 2))

  (global $IN_NAME i32 (i32.const 1))
  (global $IN_VALUE i32 (i32.const 2))

  (global $base (mut i32) (i32.const 0))
  (global $mode (mut i32) (i32.const 0))

  (func $get (param $field i32) (result i32)
    (i32.load (i32.add (global.get $STATE) (local.get $field))))
  (func $put (param $field i32) (param $value i32)
    (i32.store (i32.add (global.get $STATE) (local.get $field)) (local.get $value)))
  (func $flag (param $bits i32)
    (call $put (global.get $FLAGS) (i32.or (call $get (global.get $FLAGS)) (local.get $bits))))
  (func $refuse (param $why i32) (result i32)
    (call $put (global.get $REFUSAL) (local.get $why))
    (i32.const -1))
  (func $relative (param $at i32) (result i32)
    (i32.sub (local.get $at) (global.get $base)))

  ;; Once: reserves the window and makes the template that every message starts from.
  (func (export "setup") (local $parser i32)
    (call $initialize)
    (local.set $parser (call $alloc (global.get $RESPONSE)))
    ;; Up to the window's end; nothing asks for more afterwards.
    (drop (memory.grow (i32.sub
      (i32.shr_u (i32.add (global.get $WINDOW) (global.get $WINDOW_SIZE)) (i32.const 16))
      (memory.size))))
    (memory.copy (global.get $TEMPLATE) (local.get $parser) (i32.const 64)))

  (func (export "parse") (param $at i32) (param $length i32) (param $base i32) (param $mode i32) (result i32)
    (local $error i32) (local $end i32)
    (global.set $base (local.get $base))
    (global.set $mode (local.get $mode))
    (if (i32.and (local.get $mode) (global.get $FRESH))
      (then (memory.copy (global.get $STATE) (global.get $TEMPLATE) (global.get $STATE_SIZE))))
    (call $put (global.get $BODY_START) (i32.const 0))
    (call $put (global.get $BODY_END) (i32.const 0))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (local.set $error (call $execute (global.get $STATE) (local.get $at) (local.get $length)))
    (if (i32.and
          (i32.eq (local.get $error) (global.get $PAUSED))
          (i32.eqz (i32.and (call $get (global.get $FLAGS)) (global.get $MESSAGE_COMPLETE))))
      (then ;; paused behind the head
        (local.set $at (call $error_pos (global.get $STATE)))
        (call $put (global.get $HEAD_END) (call $relative (local.get $at)))
        (if (call $is_over_with_its_head)
          (then
            (call $flag (global.get $MESSAGE_COMPLETE)))
          (else
            (call $resume (global.get $STATE))
            (local.set $error
              (call $execute (global.get $STATE) (local.get $at) (i32.sub (local.get $end) (local.get $at))))))))
    (call $put (global.get $CONSUMED)
      (if (result i32) (local.get $error)
        (then (call $error_pos (global.get $STATE)))
        (else (local.get $end))))
    (if (call $get (global.get $REFUSAL))
      (then (local.set $error (call $get (global.get $REFUSAL)))))
    (call $put (global.get $ERROR) (local.get $error))
    (call $get (global.get $FLAGS)))

  ;; 1xx, and 2xx to CONNECT: what follows is another message, or not HTTP at all.
  (func $is_over_with_its_head (result i32)
    (i32.or
      (i32.lt_u (call $get (global.get $STATUS)) (i32.const 200))
      (i32.and
        (i32.ne (i32.and (global.get $mode) (global.get $TO_CONNECT)) (i32.const 0))
        (i32.lt_u (call $get (global.get $STATUS)) (i32.const 300)))))

  (func (export "wasm_on_message_begin") (param i32) (result i32) (i32.const 0))
  (func (export "wasm_on_url") (param i32 i32 i32) (result i32) (i32.const 0))

  ;; The reason phrase: HTAB, SP, VCHAR and obs-text (RFC 9112 4).
  (func (export "wasm_on_status") (param $parser i32) (param $at i32) (param $length i32) (result i32)
    (local $byte i32) (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (local.set $byte (i32.load8_u (local.get $at)))
          (if (i32.or
                (i32.and (i32.lt_u (local.get $byte) (i32.const 0x20)) (i32.ne (local.get $byte) (i32.const 0x09)))
                (i32.eq (local.get $byte) (i32.const 0x7f)))
            (then (return (call $refuse (global.get $REFUSED_REASON)))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    (i32.const 0))

  ;; A name that a read cuts comes in two calls.
  (func (export "wasm_on_header_field") (param $parser i32) (param $at i32) (param $length i32) (result i32)
    (if (i32.ne (call $get (global.get $INSIDE)) (global.get $IN_NAME))
      (then
        (if (i32.ge_u (call $get (global.get $FIELDS)) (global.get $MAX_FIELDS))
          (then (return (call $refuse (global.get $REFUSED_FIELDS)))))
        (call $put (global.get $FIELDS) (i32.add (call $get (global.get $FIELDS)) (i32.const 1)))
        (call $put (global.get $INSIDE) (global.get $IN_NAME))
        (call $put (global.get $NAME_START) (call $relative (local.get $at)))
        (if (i32.and (call $get (global.get $FLAGS)) (global.get $HEAD_COMPLETE))
          (then
            (if (i32.eqz (call $get (global.get $TRAILER_START)))
              (then (call $put (global.get $TRAILER_START) (call $relative (local.get $at)))))))))
    (call $put (global.get $NAME_END) (call $relative (i32.add (local.get $at) (local.get $length))))
    (i32.const 0))

  ;; `Connection` and `Keep-Alive` have ten letters, `Transfer-Encoding` seventeen; JavaScript looks
  ;; closer when the flag is up.
  (func (export "wasm_on_header_value") (param $parser i32) (param $at i32) (param $length i32) (result i32)
    (if (i32.eq (call $get (global.get $INSIDE)) (global.get $IN_NAME))
      (then
        (call $put (global.get $INSIDE) (global.get $IN_VALUE))
        (call $flag_name
          (i32.sub (call $get (global.get $NAME_END)) (call $get (global.get $NAME_START)))
          (i32.or (i32.const 0x20) (i32.load8_u (i32.add (global.get $base) (call $get (global.get $NAME_START))))))))
    (i32.const 0))

  (func $flag_name (param $length i32) (param $letter i32)
    (if (i32.eq (local.get $length) (i32.const 10))
      (then
        (if (i32.eq (local.get $letter) (i32.const 0x63)) (then (call $flag (global.get $HAS_CONNECTION))))
        (if (i32.eq (local.get $letter) (i32.const 0x6b)) (then (call $flag (global.get $HAS_KEEP_ALIVE))))))
    (if (i32.and (i32.eq (local.get $length) (i32.const 17)) (i32.eq (local.get $letter) (i32.const 0x74)))
      (then (call $flag (global.get $HAS_TRANSFER_ENCODING)))))

  ;; Always pauses, so that `parse` learns where the head ends.
  (func (export "wasm_on_headers_complete") (param $parser i32) (param i32 i32 i32) (result i32)
    (local $status i32)
    (local.set $status (call $status (local.get $parser)))
    (if (i32.lt_u (local.get $status) (i32.const 100))
      (then (return (call $refuse (global.get $REFUSED_STATUS)))))
    (if (i32.or
          (i32.ne (call $major (local.get $parser)) (i32.const 1))
          (i32.gt_u (call $minor (local.get $parser)) (i32.const 1)))
      (then (return (call $refuse (global.get $REFUSED_VERSION)))))
    (call $put (global.get $STATUS) (local.get $status))
    (call $put (global.get $FIELDS) (i32.const 0))
    (call $put (global.get $INSIDE) (i32.const 0))
    (call $put (global.get $FRAMING) (i32.load16_u (i32.add (local.get $parser) (global.get $PARSER_FLAGS))))
    (f64.store (i32.add (global.get $STATE) (global.get $CONTENT_LENGTH))
      (f64.convert_i64_u (i64.load (i32.add (local.get $parser) (global.get $PARSER_CONTENT_LENGTH)))))
    (if (i32.and (global.get $mode) (global.get $NO_BODY))
      (then (i32.store16 (i32.add (local.get $parser) (global.get $PARSER_FLAGS))
        (i32.or (call $get (global.get $FRAMING)) (global.get $F_SKIPBODY)))))
    (call $flag (i32.or (global.get $HEAD_COMPLETE)
      (i32.or
        (select (global.get $HTTP_1_0) (i32.const 0) (i32.eqz (call $minor (local.get $parser))))
        (select (global.get $PERSISTENT) (i32.const 0) (call $should_keep_alive (local.get $parser))))))
    (global.get $PAUSED))

  ;; Chunks are moved together, so that a read's body is one run of bytes.
  (func (export "wasm_on_body") (param $parser i32) (param $at i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end (call $get (global.get $BODY_END)))
    (if (i32.eqz (local.get $end))
      (then
        (call $put (global.get $BODY_START) (local.get $at))
        (local.set $end (local.get $at)))
      (else
        (memory.copy (local.get $end) (local.get $at) (local.get $length))))
    (call $put (global.get $BODY_END) (i32.add (local.get $end) (local.get $length)))
    (i32.const 0))

  ;; Pauses, so that bytes behind the message are seen and never parsed by accident.
  (func (export "wasm_on_message_complete") (param $parser i32) (result i32)
    (call $put (global.get $FLAGS)
      (i32.or
        (i32.and (call $get (global.get $FLAGS)) (i32.xor (global.get $PERSISTENT) (i32.const -1)))
        (i32.or (global.get $MESSAGE_COMPLETE)
          (select (global.get $PERSISTENT) (i32.const 0) (call $should_keep_alive (local.get $parser))))))
    (global.get $PAUSED))
)
