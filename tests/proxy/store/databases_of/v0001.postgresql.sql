
CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE annotation (
    id text NOT NULL,
    tenant text NOT NULL,
    span_id text NOT NULL,
    finding integer,
    verdict text NOT NULL,
    note text NOT NULL,
    author text NOT NULL,
    created_us bigint NOT NULL,
    supersedes text
);
CREATE TABLE api_key (
    id text NOT NULL,
    tenant text NOT NULL,
    name text NOT NULL,
    hash text NOT NULL,
    admin boolean NOT NULL,
    created_us bigint NOT NULL,
    revoked_us bigint
);
CREATE TABLE blob (
    id text NOT NULL,
    tenant text NOT NULL,
    codec text NOT NULL,
    size integer NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE finding (
    span_id text NOT NULL,
    seq integer NOT NULL,
    tenant text NOT NULL,
    side text NOT NULL,
    rule text NOT NULL,
    "check" text NOT NULL,
    entity text NOT NULL,
    stage text NOT NULL,
    pointer text NOT NULL,
    within text NOT NULL,
    start integer NOT NULL,
    "end" integer NOT NULL,
    score double precision NOT NULL,
    action text NOT NULL,
    mode text NOT NULL,
    fingerprint text NOT NULL,
    masked_start integer,
    masked_end integer
);
CREATE TABLE gap (
    id text NOT NULL,
    tenant text NOT NULL,
    started_us bigint NOT NULL,
    ended_us bigint NOT NULL,
    reason text NOT NULL,
    lost integer NOT NULL
);
CREATE TABLE message_ref (
    span_id text NOT NULL,
    side text NOT NULL,
    seq integer NOT NULL,
    tenant text NOT NULL,
    pointer text NOT NULL,
    blob_id text NOT NULL
);
CREATE TABLE retrieval_hit (
    span_id text NOT NULL,
    seq integer NOT NULL,
    tenant text NOT NULL,
    rank integer NOT NULL,
    doc_id text NOT NULL,
    score double precision,
    text_blob text NOT NULL,
    source text NOT NULL
);
CREATE TABLE run (
    id text NOT NULL,
    tenant text NOT NULL,
    received_us bigint NOT NULL,
    created_at text NOT NULL,
    suite text NOT NULL,
    head text NOT NULL,
    items integer NOT NULL,
    document bytea NOT NULL
);
CREATE TABLE span (
    id text NOT NULL,
    trace_id text NOT NULL,
    tenant text NOT NULL,
    key_id text,
    started_us bigint NOT NULL,
    duration_us bigint,
    first_token_us bigint,
    path text NOT NULL,
    dialect text NOT NULL,
    stream boolean NOT NULL,
    model text NOT NULL,
    answered_model text,
    deployment text NOT NULL,
    provider text NOT NULL,
    policy text NOT NULL,
    outcome text NOT NULL,
    action text NOT NULL,
    decided text NOT NULL,
    flagged boolean NOT NULL,
    http_status integer NOT NULL,
    error_type text,
    error_code text,
    error_message text,
    error_param text,
    upstream_called boolean NOT NULL,
    attempts integer NOT NULL,
    tokens_in bigint,
    tokens_out bigint,
    rules text NOT NULL,
    entities text NOT NULL,
    findings integer NOT NULL,
    tool_calls integer NOT NULL,
    hits integer NOT NULL,
    preview text NOT NULL,
    detail text NOT NULL
);
CREATE TABLE tool_call (
    span_id text NOT NULL,
    seq integer NOT NULL,
    tenant text NOT NULL,
    started_us bigint NOT NULL,
    call_id text NOT NULL,
    name text NOT NULL,
    arguments_blob text NOT NULL,
    result_blob text,
    state text NOT NULL
);
INSERT INTO alembic_version VALUES ('v0001');
INSERT INTO annotation VALUES ('01a201884f617415ad4c76f6aa8b68b0', 'default', '01a201884eb0749a9b3b47fe9c1d3634', NULL, 'pass', 'fine; ''"\', 'ada', 1795322040161417, NULL);
INSERT INTO blob VALUES ('a78f307bbbb9916a0a9ba1b53ceee658', 'default', 'raw', 31, '\x7b226d6f64656c223a22736d616c6c222c226d65737361676573223a5b5d7d');
INSERT INTO blob VALUES ('d9800ac929de47c50f4739467eaa795c', 'default', 'raw', 54, '\x7b22726f6c65223a2275736572222c22636f6e74656e74223a226d61696c205b454d41494c5f414444524553535d20706c61696e227d');
INSERT INTO blob VALUES ('2dcf8802f9751833537c086d939bfd87', 'default', 'raw', 32, '\x7b226964223a2263686174636d706c2d31222c2263686f69636573223a5b5d7d');
INSERT INTO blob VALUES ('a7afdb9815744425c8245d7ca8a1af88', 'default', 'raw', 83, '\x7b22696e646578223a302c226d657373616765223a7b22726f6c65223a22617373697374616e74222c22636f6e74656e74223a22446f6e652e227d2c2266696e6973685f726561736f6e223a2273746f70227d');
INSERT INTO blob VALUES ('983ae09f394cb7b200831f66cc51f672', 'default', 'zlib', 1030, '\x789cab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182894e717a58c12a3c42831bc09a55a008f3f7d54');
INSERT INTO blob VALUES ('319a77c0384b750b1450e6ef59febed6', 'default', 'zlib', 1030, '\x789cab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182a94e717a58c12a3c42831bc09a55a00932b7d55');
INSERT INTO blob VALUES ('80f394473b21a4da392889a1f82460e9', 'default', 'zlib', 1030, '\x789cab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182994e717a58c12a3c42831bc09a55a0097177d56');
INSERT INTO blob VALUES ('dbed31f269b79fbf6eb162f9da8b9955', 'default', 'zlib', 1030, '\x789cab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182b94e717a58c12a3c42831bc09a55a009b037d57');
INSERT INTO blob VALUES ('9dac0fbd385a5f09792d103e3d7732ce', 'default', 'zlib', 1030, '\x789cab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a982894e717a58c12a3c42831bc09a55a009eef7d58');
INSERT INTO blob VALUES ('fcd79122186a96282dcbe241f48dec11', 'default', 'zlib', 1030, '\x789cab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a982a94e717a58c12a3c42831bc09a55a00a2db7d59');
INSERT INTO blob VALUES ('353ac3bd86d5b3e79faae11331c6bcce', 'default', 'raw', 2, '\x7b7d');
INSERT INTO blob VALUES ('937f8a03fc43d3963829e27ef22dfaa1', 'default', 'raw', 10, '\x31322064656772656573');
INSERT INTO blob VALUES ('5a86764376c29efc6dcaf19fada4aa66', 'default', 'raw', 9, '\x612070617373616765');
INSERT INTO blob VALUES ('375df948b152049485c0532c3c5a1b92', 'default', 'zlib', 106, '\x789cab562acacf4955b252502a2d4e2d52d251504acecf2b49cd2b0109d9142717651694d825e6a4169568186adae84305d4ad155c82fc0314421c9d7c5c158a0b12f3ac757515624a0d8020a634c502441a1918a582440c93a28d0d73956a01ebec203a');
INSERT INTO finding VALUES ('01a201884eb0749a9b3b47fe9c1d3634', 0, 'default', 'input', 'pii', 'pii', 'EMAIL_ADDRESS', 'input', '/messages/0/content', '', 5, 29, 0.9, 'redact', 'enforce', 'f1', 5, 20);
INSERT INTO finding VALUES ('01a201884eb17448a77c88c4c75cbfba', 0, 'default', 'input', 'pii', 'pii', 'EMAIL_ADDRESS', 'input', '/messages/0/content', '', 5, 29, 0.9, 'redact', 'enforce', 'f1', 5, 20);
INSERT INTO finding VALUES ('01a201884eb17da5b01e6c4e11b80bad', 0, 'default', 'input', 'pii', 'pii', 'EMAIL_ADDRESS', 'input', '/messages/0/content', '', 5, 29, 0.9, 'redact', 'enforce', 'f1', 5, 20);
INSERT INTO message_ref VALUES ('01a201884eb0749a9b3b47fe9c1d3634', 'request', 0, 'default', '', 'a78f307bbbb9916a0a9ba1b53ceee658');
INSERT INTO message_ref VALUES ('01a201884eb0749a9b3b47fe9c1d3634', 'request', 1, 'default', '/messages/0', 'd9800ac929de47c50f4739467eaa795c');
INSERT INTO message_ref VALUES ('01a201884eb0749a9b3b47fe9c1d3634', 'response', 0, 'default', '', '2dcf8802f9751833537c086d939bfd87');
INSERT INTO message_ref VALUES ('01a201884eb0749a9b3b47fe9c1d3634', 'response', 1, 'default', '/choices/0', 'a7afdb9815744425c8245d7ca8a1af88');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'request', 0, 'default', '', 'a78f307bbbb9916a0a9ba1b53ceee658');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'request', 1, 'default', '/messages/0', '983ae09f394cb7b200831f66cc51f672');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'request', 2, 'default', '/messages/1', '319a77c0384b750b1450e6ef59febed6');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'request', 3, 'default', '/messages/2', '80f394473b21a4da392889a1f82460e9');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'request', 4, 'default', '/messages/3', 'dbed31f269b79fbf6eb162f9da8b9955');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'request', 5, 'default', '/messages/4', '9dac0fbd385a5f09792d103e3d7732ce');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'request', 6, 'default', '/messages/5', 'fcd79122186a96282dcbe241f48dec11');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'response', 0, 'default', '', '2dcf8802f9751833537c086d939bfd87');
INSERT INTO message_ref VALUES ('01a201884eb17448a77c88c4c75cbfba', 'response', 1, 'default', '/choices/0', 'a7afdb9815744425c8245d7ca8a1af88');
INSERT INTO message_ref VALUES ('01a201884eb17da5b01e6c4e11b80bad', 'request', 0, 'default', '', 'a78f307bbbb9916a0a9ba1b53ceee658');
INSERT INTO message_ref VALUES ('01a201884eb17da5b01e6c4e11b80bad', 'request', 1, 'default', '/messages/0', '375df948b152049485c0532c3c5a1b92');
INSERT INTO message_ref VALUES ('01a201884eb17da5b01e6c4e11b80bad', 'response', 0, 'default', '', '2dcf8802f9751833537c086d939bfd87');
INSERT INTO message_ref VALUES ('01a201884eb17da5b01e6c4e11b80bad', 'response', 1, 'default', '/choices/0', 'a7afdb9815744425c8245d7ca8a1af88');
INSERT INTO retrieval_hit VALUES ('01a201884eb17448a77c88c4c75cbfba', 0, 'default', 1, 'd1', 0.5, '5a86764376c29efc6dcaf19fada4aa66', 'tool');
INSERT INTO span VALUES ('01a201884eb0749a9b3b47fe9c1d3634', '01a201884eb0749a9b3b47fe9c1d3634', 'default', 'key-1', 1795322039985044, 1500, 900, '/v1/chat/completions', 'chat', false, 'small', NULL, '', '', '', 'masked', 'redact', 'redact', true, 200, NULL, NULL, NULL, NULL, true, 1, 9, 2, '["pii"]', '["EMAIL_ADDRESS"]', 1, 0, 0, 'mail [EMAIL_ADDRESS] plain', '{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}]}');
INSERT INTO span VALUES ('01a201884eb17448a77c88c4c75cbfba', '01a201884eb17448a77c88c4c75cbfba', 'default', 'key-1', 1795322039985208, 1500, 900, '/v1/chat/completions', 'chat', false, 'small', NULL, '', '', '', 'masked', 'redact', 'redact', true, 200, NULL, NULL, NULL, NULL, true, 1, 9, 2, '["pii"]', '["EMAIL_ADDRESS"]', 1, 1, 1, '5 word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word wor', '{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}]}');
INSERT INTO span VALUES ('01a201884eb17da5b01e6c4e11b80bad', '01a201884eb17da5b01e6c4e11b80bad', 'default', 'key-1', 1795322039985250, 1500, 900, '/v1/chat/completions', 'chat', false, 'm�?=cmd|'' /C calc''!A0', NULL, '', '', '', 'masked', 'redact', 'redact', true, 200, NULL, NULL, NULL, NULL, true, 1, 9, 2, '["pii"]', '["EMAIL_ADDRESS"]', 1, 0, 0, '<script>alert(1)</script>''; DROP TABLE span;-- �?‮[31m', '{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}]}');
INSERT INTO tool_call VALUES ('01a201884eb17448a77c88c4c75cbfba', 0, 'default', 1795322039985208, 'c1', 'f', '353ac3bd86d5b3e79faae11331c6bcce', '937f8a03fc43d3963829e27ef22dfaa1', 'answered');
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY annotation
    ADD CONSTRAINT annotation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY api_key
    ADD CONSTRAINT api_key_hash_key UNIQUE (hash);
ALTER TABLE ONLY api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (id);
ALTER TABLE ONLY finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (span_id, seq);
ALTER TABLE ONLY gap
    ADD CONSTRAINT gap_pkey PRIMARY KEY (id);
ALTER TABLE ONLY message_ref
    ADD CONSTRAINT message_ref_pkey PRIMARY KEY (span_id, side, seq);
ALTER TABLE ONLY retrieval_hit
    ADD CONSTRAINT retrieval_hit_pkey PRIMARY KEY (span_id, seq);
ALTER TABLE ONLY run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY span
    ADD CONSTRAINT span_pkey PRIMARY KEY (id);
ALTER TABLE ONLY tool_call
    ADD CONSTRAINT tool_call_pkey PRIMARY KEY (span_id, seq);
CREATE INDEX annotation_span ON annotation USING btree (span_id, created_us);
CREATE INDEX finding_fingerprint ON finding USING btree (fingerprint);
CREATE INDEX finding_rule ON finding USING btree (rule, span_id);
CREATE INDEX message_ref_blob ON message_ref USING btree (blob_id);
CREATE INDEX run_newest ON run USING btree (received_us, id);
CREATE INDEX span_flagged ON span USING btree (started_us, id) WHERE (flagged IS TRUE);
CREATE INDEX span_newest ON span USING btree (started_us, id);
CREATE INDEX span_outcome ON span USING btree (outcome, started_us, id);
CREATE INDEX span_trace ON span USING btree (trace_id);
CREATE INDEX tool_call_join ON tool_call USING btree (tenant, call_id, started_us);
