//! What code has besides the language: Node's helpers, the modules of `require`, dates, `Intl`, and other nodes' data.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Host, all, config, data, each, items, run, sandbox, value, values};
use model::{Binaries, Binary, Blob, Item, json};
use sandbox::{Clock, CodeRequest, Config, Contract, Level, Question, Sandbox, StaticData};

#[tokio::test]
async fn buffers_convert_between_text_and_bytes() {
    values(&[
        ("Buffer.from('héllo').toString('base64')", json!("aMOpbGxv")),
        ("Buffer.from('aMOpbGxv', 'base64').toString()", json!("héllo")),
        ("Buffer.from('__-_', 'base64url').toString('hex')", json!("ffffbf")),
        ("Buffer.from([255, 254]).toString('base64url')", json!("__4")),
        ("Buffer.from('68656c6c6fzz', 'hex').toString('latin1')", json!("hello")),
        ("Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()", json!("ab")),
        ("Buffer.alloc(3, 'ab').toString()", json!("aba")),
        ("Buffer.byteLength('é')", json!(2)),
        ("Buffer.from('hello').slice(1, 3).toString()", json!("el")),
        ("Buffer.from('a').equals(Buffer.from('a'))", json!(true)),
        ("[Buffer.isBuffer(Buffer.alloc(1)), Buffer.isBuffer(new Uint8Array(1))]", json!([true, false])),
        ("JSON.parse(JSON.stringify(Buffer.from('a')))", json!({ "type": "Buffer", "data": [97] })),
        ("Buffer.from(JSON.parse(JSON.stringify(Buffer.from('a')))).toString()", json!("a")),
        ("Buffer.from('hello').indexOf('l')", json!(2)),
        ("Buffer.from([1, 2, 3, 4]).readUInt32BE(0)", json!(16_909_060)),
        ("btoa('a') + atob('YQ==')", json!("YQ==a")),
        ("new TextDecoder().decode(new TextEncoder().encode('ü'))", json!("ü")),
    ])
    .await;
}

#[tokio::test]
async fn crypto_hashes_encrypts_and_draws() {
    values(&[
        ("require('crypto').createHash('md5').update('a').digest('hex')", json!("0cc175b9c0f1b6a831c399e269772661")),
        ("require('crypto').createHash('sha1').update('a').digest('base64')", json!("hvfkN/qlp/zhXR3cuerq6jd2Z7g=")),
        (
            "require('node:crypto').createHash('sha256').update('a').update('b').digest('hex')",
            json!("fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"),
        ),
        (
            "require('crypto').createHmac('sha256', 'key').update('data').digest('hex')",
            json!("5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0"),
        ),
        ("require('crypto').createHash('sha512').update('').digest().length", json!(64)),
        (
            "require('crypto').pbkdf2Sync('password', 'salt', 1, 20, 'sha1').toString('hex')",
            json!("0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        ),
        (
            "(() => { const c = require('crypto'), k = Buffer.alloc(32, 1), iv = Buffer.alloc(16, 2);\
             const e = c.createCipheriv('aes-256-cbc', k, iv); const t = e.update('secret', 'utf8', 'hex') + e.final('hex');\
             const d = c.createDecipheriv('aes-256-cbc', k, iv); return d.update(t, 'hex', 'utf8') + d.final('utf8') })()",
            json!("secret"),
        ),
        (
            "(() => { const c = require('crypto'), k = Buffer.alloc(16, 1), iv = Buffer.alloc(12, 2);\
             const e = c.createCipheriv('aes-128-gcm', k, iv); const t = Buffer.concat([e.update('secret'), e.final()]);\
             const d = c.createDecipheriv('aes-128-gcm', k, iv); d.setAuthTag(e.getAuthTag());\
             const plain = d.update(t, null, 'utf8') + d.final('utf8');\
             const bad = c.createDecipheriv('aes-128-gcm', k, iv); bad.setAuthTag(Buffer.alloc(16)); bad.update(t);\
             let refused; try { bad.final() } catch (error) { refused = error.message } return [plain, refused] })()",
            json!(["secret", "Unsupported state or unable to authenticate data"]),
        ),
        ("/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())", json!(true)),
        ("require('crypto').randomBytes(8).length", json!(8)),
        ("(() => { const n = require('crypto').randomInt(5, 8); return n >= 5 && n < 8 })()", json!(true)),
        ("require('crypto').timingSafeEqual(Buffer.from('a'), Buffer.from('b'))", json!(false)),
        ("Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('a'))).toString('hex').slice(0, 8)", json!("ca978112")),
    ])
    .await;
}

#[tokio::test]
async fn urls_and_queries_follow_the_standard() {
    values(&[
        ("new URL('/b?x=1#h', 'https://user:pw@Example.com:8080/a').href", json!("https://user:pw@example.com:8080/b?x=1#h")),
        ("(() => { const u = new URL('https://a.b/c'); u.searchParams.append('q', 'x y'); u.hash = 'z'; return u.toString() })()", json!("https://a.b/c?q=x+y#z")),
        ("(() => { try { new URL('nope') } catch (e) { return [e.name, e.message] } })()", json!(["TypeError", "Invalid URL"])),
        ("Object.fromEntries(new URLSearchParams('a=1&b=%C3%A4'))", json!({ "a": "1", "b": "ä" })),
        ("new URLSearchParams({ a: 1, b: 'x&y' }).toString()", json!("a=1&b=x%26y")),
        ("require('querystring').stringify({ a: [1, 2], b: 'ä' })", json!("a=1&a=2&b=%C3%A4")),
        ("({ ...require('querystring').parse('a=1&a=2&b=x+y') })", json!({ "a": ["1", "2"], "b": "x y" })),
        ("require('path').join('a', '..', 'b', 'c.txt')", json!("b/c.txt")),
        ("require('path').parse('/x/y.tar.gz')", json!({ "root": "/", "dir": "/x", "base": "y.tar.gz", "ext": ".gz", "name": "y.tar" })),
    ])
    .await;
}

#[tokio::test]
async fn the_other_modules_do_what_code_uses_them_for() {
    values(&[
        ("require('util').inspect({ a: [1, 'x'], b: null })", json!("{ a: [ 1, 'x' ], b: null }")),
        ("require('util').format('%s is %d%%', 'it', 5)", json!("it is 5%")),
        ("await require('util').promisify((a, done) => done(null, a + 1))(1)", json!(2)),
        ("(() => { const E = require('events'); const e = new E(); let n = 0; e.on('x', (v) => n += v); e.once('x', (v) => n += v); e.emit('x', 1); e.emit('x', 1); return n })()", json!(3)),
        ("(() => { try { require('assert').strictEqual(1, 2) } catch (e) { return e.name } })()", json!("AssertionError")),
        ("structuredClone({ d: new Date(0), m: new Map([[1, 2]]) }).m.get(1)", json!(2)),
        ("$jmespath({ a: [{ b: 1 }, { b: 2 }] }, 'a[?b > `1`].b')", json!([2])),
        ("[$if(true, 1, 2), $ifEmpty('', 'x'), $max(1, 5, 3), $not(1)]", json!([1, "x", 5, false])),
    ])
    .await;
}

#[tokio::test]
async fn a_module_that_is_not_allowed_is_refused_with_the_list_of_those_that_are() {
    let refused = "(() => { try { require('fs') } catch (e) { return e.message } })()";
    let message = value(refused).await;
    let message = message.as_str().unwrap();
    assert!(message.starts_with("Cannot find module 'fs'") && message.contains("crypto"), "{message}");
    let sandbox = Sandbox::new(Config { modules: Vec::new(), ..config() });
    let request = CodeRequest::new(Contract::AllItems, "require('crypto')", items(json!([{}])));
    let error = sandbox.run_code(request, &Host::default()).await.unwrap_err();
    assert!(error.message.contains("this instance allows: none"), "{error}");
}

#[tokio::test]
async fn the_clock_stands_where_the_request_says_or_is_the_system_s() {
    let mut request = CodeRequest::new(
        Contract::AllItems,
        "const t = Date.now(); await new Promise((r) => setTimeout(r, 30));\
         return { same: Date.now() === t, iso: new Date().toISOString(), now: $now.toISO(), today: $today.toISO(),\
         old: new Date(0).getTime(), is: new Date() instanceof Date, text: typeof Date() }",
        items(json!([{}])),
    );
    request.clock = Clock::Fixed(1_700_000_000_000.0);
    request.zone = "America/New_York".into();
    assert_eq!(
        data(&run(request.clone()).await.unwrap().items),
        json!([{ "same": true, "iso": "2023-11-14T22:13:20.000Z", "now": "2023-11-14T17:13:20.000-05:00",
                 "today": "2023-11-14T00:00:00.000-05:00", "old": 0, "is": true, "text": "string" }])
    );
    request.clock = Clock::Real;
    request.source =
        "const t = Date.now(); while (Date.now() < t + 20); return { late: Date.now() - t >= 20 }".into();
    assert_eq!(data(&run(request).await.unwrap().items), json!([{ "late": true }]));
}

#[tokio::test]
async fn chance_comes_from_the_seed() {
    let draw = |seed| async move {
        let mut request = CodeRequest::new(
            Contract::AllItems,
            "return { r: [Math.random(), Math.random()] }",
            items(json!([{}])),
        );
        request.seed = seed;
        data(&run(request).await.unwrap().items)
    };
    let (first, again, other) = (draw(1).await, draw(1).await, draw(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn luxon_knows_zones_and_formats() {
    values(&[
        ("DateTime.fromISO('2024-03-10T12:00:00', { zone: 'Europe/Berlin' }).toISO()", json!("2024-03-10T12:00:00.000+01:00")),
        ("DateTime.fromISO('2024-07-10T12:00:00Z').setZone('Asia/Tokyo').toFormat('yyyy-MM-dd HH:mm ZZZZ')", json!("2024-07-10 21:00 GMT+9")),
        ("DateTime.fromISO('2024-01-31').plus({ months: 1 }).toISODate()", json!("2024-02-29")),
        ("DateTime.fromISO('2024-01-31').toFormat('cccc, LLLL d')", json!("Wednesday, January 31")),
        ("DateTime.fromISO('2024-01-31T15:00').toLocaleString(DateTime.DATETIME_MED)", json!("Jan 31, 2024, 3:00 PM")),
        ("Duration.fromObject({ hours: 2 }).as('minutes')", json!(120)),
        ("require('luxon').Interval.fromDateTimes(new Date(0), new Date(864e5)).length('hours')", json!(24)),
    ])
    .await;
}

#[tokio::test]
async fn numbers_and_dates_are_written_for_people() {
    values(&[
        ("(1234567.891).toLocaleString()", json!("1,234,567.891")),
        ("(1234.5).toLocaleString('en-US', { style: 'currency', currency: 'USD' })", json!("$1,234.50")),
        ("(1234.5).toLocaleString('de-DE')", json!("1.234,5")),
        ("(1234.5).toLocaleString('de-DE', { style: 'currency', currency: 'EUR' })", json!("1.234,50\u{a0}€")),
        ("(0.256).toLocaleString('en-US', { style: 'percent' })", json!("26%")),
        ("(1.005).toLocaleString('en-US', { maximumFractionDigits: 2 })", json!("1.01")),
        ("new Intl.NumberFormat('en-US', { notation: 'compact' }).format(12345)", json!("12K")),
        ("new Date(0).toLocaleString()", json!("1/1/1970, 12:00:00 AM")),
        ("new Date(0).toLocaleDateString('en-GB')", json!("01/01/1970")),
        ("new Date(0).toLocaleDateString('de-DE')", json!("1.1.1970")),
        ("new Date(0).toLocaleDateString('en-US', { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' })", json!("Thursday, January 1, 1970")),
        ("new Date(0).toLocaleDateString('de-DE', { year: 'numeric', month: 'long', day: 'numeric' })", json!("1. Januar 1970")),
        ("new Date(0).toLocaleTimeString('en-US', { timeZone: 'America/New_York', hour: '2-digit', minute: '2-digit' })", json!("07:00 PM")),
        ("new Date(0).toLocaleString('sv-SE')", json!("1970-01-01 00:00:00")),
        ("new Date(0).toLocaleString('en-US', { month: 'short', day: 'numeric' })", json!("Jan 1")),
        ("new Intl.DateTimeFormat('en-US', { timeZone: 'Asia/Kolkata', dateStyle: 'medium', timeStyle: 'short' }).format(0)", json!("Jan 1, 1970, 5:30 AM")),
        ("Intl.DateTimeFormat().resolvedOptions().timeZone", json!("UTC")),
        ("(() => { try { new Date().toLocaleString('en', { timeZone: 'Mars/Base' }) } catch (e) { return e.message } })()", json!("Invalid time zone specified: Mars/Base")),
        ("['b', 'a', 'C', 'ä', 'Z', 'A', '1', '_'].sort((x, y) => x.localeCompare(y))", json!(["_", "1", "a", "A", "ä", "b", "C", "Z"])),
        ("['a10', 'a9'].sort(new Intl.Collator('en', { numeric: true }).compare)", json!(["a9", "a10"])),
    ])
    .await;
}

#[tokio::test]
async fn console_writes_to_the_log_with_levels() {
    let source = "console.log('a', 1, { b: [2] }); console.warn('%s!', 'careful'); console.error(new Error('no').message); return []";
    let logs = all(source, json!([{}])).await.unwrap().logs;
    let lines: Vec<_> = logs.iter().map(|line| (line.level, line.text.as_str())).collect();
    assert_eq!(lines, [(Level::Info, "a 1 { b: [ 2 ] }"), (Level::Warn, "careful!"), (Level::Error, "no")]);
}

#[tokio::test]
async fn other_nodes_answer_lazily() {
    let source = "return [{ all: $('First').all().length, first: $('First').first().json.n, last: $('First').last().json.n,\
                  item: $('First').item.json.n, params: $('First').params.path, done: $('First').isExecuted,\
                  context: $('First').context.noItemsLeft, old: $node['First'].json.n, dotted: $node.First.runIndex,\
                  items: $items('First').length, own: $items().length }]";
    let host = Host::default();
    let request = CodeRequest::new(Contract::AllItems, source, items(json!([{}, {}])));
    let result = sandbox().run_code(request, &host).await.unwrap();
    assert_eq!(
        data(&result.items),
        json!([{ "all": 2, "first": 1, "last": 2, "item": 1, "params": "x", "done": true, "context": true, "old": 1,
                 "dotted": 3, "items": 2, "own": 2 }])
    );
    assert_eq!(host.asked.lock().unwrap().len(), 6, "each question is asked once");
    let result = each("return { n: $('First').item.json.n }", json!([{}, {}])).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "n": 1 }, { "n": 2 }]));
    let error = all("return $('Nobody').all()", json!([{}])).await.unwrap_err();
    assert_eq!(error.message, "Referenced node doesn't exist: Nobody [line 1]");
}

#[tokio::test]
async fn requests_go_through_the_host_and_may_run_side_by_side() {
    let started = std::time::Instant::now();
    let source = "return await Promise.all([1, 2, 3, 4].map((n) => this.helpers.httpRequest({ url: 'http://slow/' + n })))";
    let result = all(source, json!([{}])).await.unwrap();
    assert_eq!(result.items[3].json.get("url"), Some(&json!("http://slow/4")));
    assert!(started.elapsed().as_millis() < 350, "{:?}", started.elapsed());
    let source = "try { await this.helpers.httpRequest('http://fail/') } catch (e) { return { m: e.message, c: e.httpCode } }";
    let result = all(source, json!([{}])).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "m": "service unavailable", "c": "503" }]));
    let error =
        all("await this.helpers.httpRequestWithAuthentication('x', {})", json!([{}])).await.unwrap_err();
    assert!(error.message.contains("no access to credentials"), "{error}");
}

#[tokio::test]
async fn static_data_comes_back_only_when_it_changed() {
    let result =
        all("const d = $getWorkflowStaticData('global'); d.count++; return [d]", json!([{}])).await.unwrap();
    assert_eq!(result.static_data[&StaticData::Global].get("count"), Some(&json!(2)));
    let result = all("return [$getWorkflowStaticData('node')]", json!([{}])).await.unwrap();
    assert!(result.static_data.is_empty());
    let error = all("$getWorkflowStaticData('x')", json!([{}])).await.unwrap_err();
    assert!(error.message.contains("Only \"global\" and \"node\" are supported"), "{error}");
}

#[tokio::test]
async fn files_can_be_read_and_made_but_never_guessed() {
    let stored = Blob::Stored { sha256: "ab".repeat(32).into(), size: 14 };
    let file = |blob: Blob| Binary { mime_type: "text/plain".into(), blob, ..Binary::default() };
    let mut item = Item::default();
    let mut binaries = Binaries::default();
    binaries.insert("small".into(), file(Blob::Inline(b"inline content".as_slice().into())));
    binaries.insert("large".into(), file(stored.clone()));
    item.binary = Some(binaries.into());
    let request = |source: &str| CodeRequest::new(Contract::AllItems, source, vec![item.clone()].into());
    let host = Host::default();
    let sandbox = sandbox();

    let source = "const read = async (name) => (await this.helpers.getBinaryDataBuffer(0, name)).toString();\
                  return [{ json: { small: await read('small'), large: await read('large') }, binary: items[0].binary }]";
    let result = sandbox.run_code(request(source), &host).await.unwrap();
    assert_eq!(data(&result.items), json!([{ "small": "inline content", "large": "stored content" }]));
    assert_eq!(result.items[0].binary.as_ref().unwrap()["large"].blob, stored);
    assert_eq!(*host.asked.lock().unwrap(), [Question::ReadBinary(stored)]);

    let source = "return [{ json: {}, binary: { data: await this.helpers.prepareBinaryData(Buffer.from('new'), 'a/b.csv') } }]";
    let made = sandbox.run_code(request(source), &host).await.unwrap().items[0].binary.clone().unwrap();
    assert_eq!(made["data"].blob, Blob::Inline(b"new".as_slice().into()));
    assert_eq!(
        (made["data"].mime_type.as_str(), made["data"].file_name.as_deref()),
        ("text/csv", Some("b.csv"))
    );

    let foreign = "cd".repeat(32);
    let source = format!(
        "return [{{ json: {{}}, binary: {{ data: {{ id: '{foreign}', mimeType: 'text/plain' }} }} }}]"
    );
    let error = sandbox.run_code(request(&source), &host).await.unwrap_err();
    assert!(error.message.contains("names a file this code was not given"), "{error}");
    let source = format!("return await this.helpers.getBinaryDataBuffer(0, {{ id: '{foreign}' }})");
    let error = sandbox.run_code(request(&source), &host).await.unwrap_err();
    assert!(error.message.contains("was not given such a file"), "{error}");
}
