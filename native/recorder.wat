;; The recorder receives the callbacks of llhttp inside WebAssembly and writes what they report into
;; memory, the record. JavaScript makes one call per read, `parse`, and then reads the record.
;;
;; STATE is a block of 128 bytes: llhttp's parser (64 bytes) and the record. It contains everything
;; that a message needs between two reads. The ResponseParser of a connection keeps a copy of it.
;; README.md shows the memory.
;;
;; "Relative" positions count from the first byte of the message, the parameter `base` of `parse`.
;; They stay valid when the bytes of a head are restored at another address. "Absolute" positions
;; are addresses, and are valid for one read.
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

  ;; Addresses after the two pages of llhttp. `setup` allocates all memory; it never grows later.
  (global $STATE (export "STATE") i32 (i32.const 131072))
  (global $STATE_SIZE (export "STATE_SIZE") i32 (i32.const 128))
  (global $TEMPLATE i32 (i32.const 131328))
  (global $WINDOW (export "WINDOW") i32 (i32.const 196608))
  (global $WINDOW_SIZE (export "WINDOW_SIZE") i32 (i32.const 131072))

  ;; The fields of the record, as offsets from STATE. All are i32, except CONTENT_LENGTH.
  (global $FLAGS (export "FLAGS") i32 (i32.const 64))
  (global $STATUS (export "STATUS") i32 (i32.const 68))
  (global $FIELDS (export "FIELDS") i32 (i32.const 72)) ;; number of field lines, then of trailers
  (global $INSIDE (export "INSIDE") i32 (i32.const 76)) ;; 0, IN_NAME or IN_VALUE
  (global $NAME_START (export "NAME_START") i32 (i32.const 80)) ;; relative
  (global $NAME_END (export "NAME_END") i32 (i32.const 84)) ;; relative
  (global $HEAD_END (export "HEAD_END") i32 (i32.const 88)) ;; relative, after the empty line
  (global $TRAILER_START (export "TRAILER_START") i32 (i32.const 92)) ;; relative; 0: no trailers
  (global $BODY_START (export "BODY_START") i32 (i32.const 96)) ;; absolute: body bytes of this read
  (global $BODY_END (export "BODY_END") i32 (i32.const 100)) ;; absolute
  (global $ERROR (export "ERROR") i32 (i32.const 104)) ;; 0, an error code of llhttp, or a REFUSED_*
  (global $CONSUMED (export "CONSUMED") i32 (i32.const 108)) ;; absolute: where parsing stopped
  (global $FRAMING (export "FRAMING") i32 (i32.const 112)) ;; flags of llhttp after the head
  (global $REFUSAL i32 (i32.const 116))
  (global $CONTENT_LENGTH (export "CONTENT_LENGTH") i32 (i32.const 120)) ;; f64: exact up to 2^53

  ;; FLAGS
  (global $HEAD_COMPLETE (export "HEAD_COMPLETE") i32 (i32.const 1))
  (global $MESSAGE_COMPLETE (export "MESSAGE_COMPLETE") i32 (i32.const 2))
  (global $PERSISTENT (export "PERSISTENT") i32 (i32.const 4)) ;; RFC 9112 9.3, according to llhttp
  (global $HTTP_1_0 (export "HTTP_1_0") i32 (i32.const 8))
  (global $HAS_CONNECTION (export "HAS_CONNECTION") i32 (i32.const 16)) ;; possibly; see $flag_name
  (global $HAS_KEEP_ALIVE (export "HAS_KEEP_ALIVE") i32 (i32.const 32)) ;; possibly
  (global $HAS_TRANSFER_ENCODING (export "HAS_TRANSFER_ENCODING") i32 (i32.const 64)) ;; possibly
  (global $HAS_SET_COOKIE (export "HAS_SET_COOKIE") i32 (i32.const 128)) ;; possibly
  (global $HAS_CONTENT_ENCODING (export "HAS_CONTENT_ENCODING") i32 (i32.const 256)) ;; possibly

  ;; The flags in FRAMING, with the names of llhttp
  (global $F_CONNECTION_CLOSE (export "F_CONNECTION_CLOSE") i32 (i32.const 0x02))
  (global $F_CHUNKED (export "F_CHUNKED") i32 (i32.const 0x08))
  (global $F_CONTENT_LENGTH (export "F_CONTENT_LENGTH") i32 (i32.const 0x20))
  (global $F_SKIPBODY i32 (i32.const 0x40))
  (global $F_TRANSFER_ENCODING (export "F_TRANSFER_ENCODING") i32 (i32.const 0x200))

  ;; Flags of the parameter `mode` of `parse`
  (global $FRESH (export "FRESH") i32 (i32.const 1)) ;; a new message: resets STATE
  (global $NO_BODY (export "NO_BODY") i32 (i32.const 2)) ;; the response to a HEAD request
  (global $TO_CONNECT (export "TO_CONNECT") i32 (i32.const 4)) ;; the response to a CONNECT request

  ;; Error codes for responses that llhttp accepts and the recorder refuses.
  (global $REFUSED_STATUS (export "REFUSED_STATUS") i32 (i32.const 101))
  (global $REFUSED_VERSION (export "REFUSED_VERSION") i32 (i32.const 102))
  (global $REFUSED_REASON (export "REFUSED_REASON") i32 (i32.const 103))
  (global $REFUSED_FIELDS (export "REFUSED_FIELDS") i32 (i32.const 104))
  (global $MAX_FIELDS (export "MAX_FIELDS") i32 (i32.const 1000))

  ;; Layout and codes of llhttp. build.mjs checks the hash of the module, so they cannot change
  ;; unnoticed.
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

  ;; Called once. Allocates the memory, and creates the template of STATE for new messages.
  (func (export "setup") (local $parser i32)
    (call $initialize)
    (local.set $parser (call $alloc (global.get $RESPONSE)))
    ;; Grows the memory to the end of the window. Nothing allocates more later.
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
      (then ;; paused after the head
        (local.set $at (call $error_pos (global.get $STATE)))
        (call $put (global.get $HEAD_END) (call $relative (local.get $at)))
        (if (call $ends_with_head)
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

  ;; Returns whether the response ends with its head: a 1xx, which another response follows, or a
  ;; 2xx to CONNECT, after which the bytes are not HTTP.
  (func $ends_with_head (result i32)
    (i32.or
      (i32.lt_u (call $get (global.get $STATUS)) (i32.const 200))
      (i32.and
        (i32.ne (i32.and (global.get $mode) (global.get $TO_CONNECT)) (i32.const 0))
        (i32.lt_u (call $get (global.get $STATUS)) (i32.const 300)))))

  (func (export "wasm_on_message_begin") (param i32) (result i32) (i32.const 0))
  (func (export "wasm_on_url") (param i32 i32 i32) (result i32) (i32.const 0))

  ;; A reason phrase consists of HTAB, SP, VCHAR and obs-text (RFC 9112 4). Others are refused.
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

  ;; llhttp calls this twice for a name that two reads contain.
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

  (func (export "wasm_on_header_value") (param $parser i32) (param $at i32) (param $length i32) (result i32)
    (if (i32.eq (call $get (global.get $INSIDE)) (global.get $IN_NAME))
      (then
        (call $put (global.get $INSIDE) (global.get $IN_VALUE))
        (call $flag_name
          (i32.sub (call $get (global.get $NAME_END)) (call $get (global.get $NAME_START)))
          (i32.or (i32.const 0x20) (i32.load8_u (i32.add (global.get $base) (call $get (global.get $NAME_START))))))))
    (i32.const 0))

  ;; Sets a flag if length and first letter of a name are those of `Connection`, `Keep-Alive`,
  ;; `Set-Cookie` (10 characters), `Content-Encoding` (16) or `Transfer-Encoding` (17). JavaScript
  ;; then compares the whole name.
  (func $flag_name (param $length i32) (param $letter i32)
    (if (i32.eq (local.get $length) (i32.const 10))
      (then
        (if (i32.eq (local.get $letter) (i32.const 0x63)) (then (call $flag (global.get $HAS_CONNECTION))))
        (if (i32.eq (local.get $letter) (i32.const 0x6b)) (then (call $flag (global.get $HAS_KEEP_ALIVE))))
        (if (i32.eq (local.get $letter) (i32.const 0x73)) (then (call $flag (global.get $HAS_SET_COOKIE))))))
    (if (i32.and (i32.eq (local.get $length) (i32.const 16)) (i32.eq (local.get $letter) (i32.const 0x63)))
      (then (call $flag (global.get $HAS_CONTENT_ENCODING))))
    (if (i32.and (i32.eq (local.get $length) (i32.const 17)) (i32.eq (local.get $letter) (i32.const 0x74)))
      (then (call $flag (global.get $HAS_TRANSFER_ENCODING)))))

  ;; Always pauses llhttp, so that `parse` knows where the head ends.
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

  ;; Moves the chunks of a read together, so that its body bytes are contiguous.
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

  ;; Pauses llhttp, so that bytes after the message are counted and never parsed.
  (func (export "wasm_on_message_complete") (param $parser i32) (result i32)
    (call $put (global.get $FLAGS)
      (i32.or
        (i32.and (call $get (global.get $FLAGS)) (i32.xor (global.get $PERSISTENT) (i32.const -1)))
        (i32.or (global.get $MESSAGE_COMPLETE)
          (select (global.get $PERSISTENT) (i32.const 0) (call $should_keep_alive (local.get $parser))))))
    (global.get $PAUSED))
)
