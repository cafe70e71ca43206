
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
    revoked_us bigint,
    team text,
    models text,
    policy text,
    tags text,
    limits text,
    expires_us bigint
);
CREATE TABLE audit_event (
    id text NOT NULL,
    at_us bigint NOT NULL,
    tenant text NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    detail text NOT NULL
);
CREATE TABLE blob (
    id text NOT NULL,
    tenant text NOT NULL,
    codec text NOT NULL,
    size integer NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE feedback (
    id text NOT NULL,
    tenant text NOT NULL,
    key_id text,
    target text NOT NULL,
    name text NOT NULL,
    value double precision,
    comment_blob text,
    created_us bigint NOT NULL
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
CREATE TABLE key_check (
    id bigint NOT NULL,
    tenant text NOT NULL,
    digest text NOT NULL
);
CREATE TABLE message_ref (
    span_id text NOT NULL,
    side text NOT NULL,
    seq integer NOT NULL,
    tenant text NOT NULL,
    pointer text NOT NULL,
    blob_id text NOT NULL
);
CREATE TABLE outside_span (
    id text NOT NULL,
    tenant text NOT NULL,
    key_id text,
    trace_id text NOT NULL,
    parent_span text,
    kind text NOT NULL,
    name text NOT NULL,
    service text,
    source text NOT NULL,
    started_us bigint NOT NULL,
    ended_us bigint,
    received_us bigint NOT NULL,
    error boolean NOT NULL,
    response_id text,
    asked text,
    detail_blob text
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
    detail text NOT NULL,
    shadow_of text,
    object_id text,
    team text,
    tags text,
    price_version text,
    prompt text,
    prompt_version text,
    prompt_hash text,
    session_id text,
    run_id text,
    run_source text,
    parent_span text,
    response_id text,
    asked text,
    config text,
    cost_nanousd bigint,
    charged_nanousd bigint
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
INSERT INTO alembic_version VALUES ('v0004');
INSERT INTO annotation VALUES ('01a20188ef0a7f5bbb2bec66881e6315', 'default', '01a20188ee5e7c4da1fb6d554ae6ac51', NULL, 'pass', 'fine; ''"\', 'ada', 1795322081034060, NULL);
INSERT INTO blob VALUES ('119ffde0778f09fe08bc7a26ccab5275', 'default', 'raw', 85, '\x7b226d6f64656c223a22736d616c6c222c226d65737361676573223a5b7b22726f6c65223a2275736572222c22636f6e74656e74223a226d61696c205b454d41494c5f414444524553535d20706c61696e227d5d7d');
INSERT INTO blob VALUES ('a1fc614ecd664437dfcd2916bfcb1051', 'default', 'raw', 115, '\x7b226964223a2263686174636d706c2d31222c2263686f69636573223a5b7b22696e646578223a302c226d657373616765223a7b22726f6c65223a22617373697374616e74222c22636f6e74656e74223a22446f6e652e227d2c2266696e6973685f726561736f6e223a2273746f70227d5d7d');
INSERT INTO blob VALUES ('368eccaa7216eb0b67c5cfaf7fa3c6ac', 'default', 'raw', 31, '\x7b226d6f64656c223a22736d616c6c222c226d65737361676573223a5b5d7d');
INSERT INTO blob VALUES ('e565fa00560b04ca4f0a192ac57e20b2', 'default', 'zlib', 1030, '\x7801ab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182894e717a58c12a361309a0e86773650aa05008f3f7d54');
INSERT INTO blob VALUES ('3d05eeddc09b2e1c9eff1ad485b3f1e7', 'default', 'zlib', 1030, '\x7801ab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182a94e717a58c12a361309a0e86773650aa0500932b7d55');
INSERT INTO blob VALUES ('2747991a24a1df9970af05e2338aed77', 'default', 'zlib', 1030, '\x7801ab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182994e717a58c12a361309a0e86773650aa050097177d56');
INSERT INTO blob VALUES ('0fa1e8727797644ccaf8d05695ff14c0', 'default', 'zlib', 1030, '\x7801ab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a182b94e717a58c12a361309a0e86773650aa05009b037d57');
INSERT INTO blob VALUES ('1d25fd725f8df94e7a479fdfe305faa4', 'default', 'zlib', 1030, '\x7801ab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a982894e717a58c12a361309a0e86773650aa05009eef7d58');
INSERT INTO blob VALUES ('b7d40b49d42b80f1f5114ddff4c56b6e', 'default', 'zlib', 1030, '\x7801ab562acacf4955b2522a2d4e2d52d2514acecf2b49cd2b010a982a94e717a58c12a361309a0e86773650aa0500a2db7d59');
INSERT INTO blob VALUES ('fdb47a8235e7594666b261e94b14bf30', 'default', 'raw', 2, '\x7b7d');
INSERT INTO blob VALUES ('16bd25705b8cf099892c2e19a3cc331a', 'default', 'raw', 10, '\x31322064656772656573');
INSERT INTO blob VALUES ('8de18acf9f5be9686263192140f53159', 'default', 'raw', 9, '\x612070617373616765');
INSERT INTO blob VALUES ('a5a8530d5e09357f7f882e64d5c13e49', 'default', 'raw', 140, '\x7b226d6f64656c223a2022736d616c6c222c20226d65737361676573223a205b7b22726f6c65223a202275736572222c2022636f6e74656e74223a20223c7363726970743e616c6572742831293c2f7363726970743e273b2044524f50205441424c45207370616e3b2d2d205c75303030305c75643830305c75323032655c75303031625b33316d227d5d7d');
INSERT INTO finding VALUES ('01a20188ee5e7c4da1fb6d554ae6ac51', 0, 'default', 'input', 'pii', 'pii', 'EMAIL_ADDRESS', 'input', '/messages/0/content', '', 5, 29, 0.9, 'redact', 'enforce', 'f1', 5, 20);
INSERT INTO finding VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 0, 'default', 'input', 'pii', 'pii', 'EMAIL_ADDRESS', 'input', '/messages/0/content', '', 5, 29, 0.9, 'redact', 'enforce', 'f1', 5, 20);
INSERT INTO finding VALUES ('01a20188ee5e742d83395a7e9be6397c', 0, 'default', 'input', 'pii', 'pii', 'EMAIL_ADDRESS', 'input', '/messages/0/content', '', 5, 29, 0.9, 'redact', 'enforce', 'f1', 5, 20);
INSERT INTO message_ref VALUES ('01a20188ee5e7c4da1fb6d554ae6ac51', 'request', 0, 'default', '', '119ffde0778f09fe08bc7a26ccab5275');
INSERT INTO message_ref VALUES ('01a20188ee5e7c4da1fb6d554ae6ac51', 'response', 0, 'default', '', 'a1fc614ecd664437dfcd2916bfcb1051');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'request', 0, 'default', '', '368eccaa7216eb0b67c5cfaf7fa3c6ac');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'request', 1, 'default', '/messages/0', 'e565fa00560b04ca4f0a192ac57e20b2');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'request', 2, 'default', '/messages/1', '3d05eeddc09b2e1c9eff1ad485b3f1e7');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'request', 3, 'default', '/messages/2', '2747991a24a1df9970af05e2338aed77');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'request', 4, 'default', '/messages/3', '0fa1e8727797644ccaf8d05695ff14c0');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'request', 5, 'default', '/messages/4', '1d25fd725f8df94e7a479fdfe305faa4');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'request', 6, 'default', '/messages/5', 'b7d40b49d42b80f1f5114ddff4c56b6e');
INSERT INTO message_ref VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 'response', 0, 'default', '', 'a1fc614ecd664437dfcd2916bfcb1051');
INSERT INTO message_ref VALUES ('01a20188ee5e742d83395a7e9be6397c', 'request', 0, 'default', '', 'a5a8530d5e09357f7f882e64d5c13e49');
INSERT INTO message_ref VALUES ('01a20188ee5e742d83395a7e9be6397c', 'response', 0, 'default', '', 'a1fc614ecd664437dfcd2916bfcb1051');
INSERT INTO retrieval_hit VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 0, 'default', 1, 'd1', 0.5, '8de18acf9f5be9686263192140f53159', 'tool');
INSERT INTO span VALUES ('01a20188ee5e7c4da1fb6d554ae6ac51', '01a20188ee5e7c4da1fb6d554ae6ac51', 'default', 'key-1', 1795322080862749, 1500, 900, '/v1/chat/completions', 'chat', false, 'small', NULL, '', '', 'default@0123456789ab', 'masked', 'redact', 'redact', true, 200, NULL, NULL, NULL, NULL, true, 1, 9, 2, '["pii"]', '["EMAIL_ADDRESS"]', 1, 0, 0, 'mail [EMAIL_ADDRESS] plain', '{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0,"retrievals":[]}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO span VALUES ('01a20188ee5e7260813ccdae1cd5bf77', '01a20188ee5e7260813ccdae1cd5bf77', 'default', 'key-1', 1795322080862908, 1500, 900, '/v1/chat/completions', 'chat', false, 'small', NULL, '', '', 'default@0123456789ab', 'masked', 'redact', 'redact', true, 200, NULL, NULL, NULL, NULL, true, 1, 9, 2, '["pii"]', '["EMAIL_ADDRESS"]', 1, 1, 1, '5 word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word wor', '{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0,"retrievals":[]}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO span VALUES ('01a20188ee5e742d83395a7e9be6397c', '01a20188ee5e742d83395a7e9be6397c', 'default', 'key-1', 1795322080862944, 1500, 900, '/v1/chat/completions', 'chat', false, 'm�?=cmd|'' /C calc''!A0', NULL, '', '', 'default@0123456789ab', 'masked', 'redact', 'redact', true, 200, NULL, NULL, NULL, NULL, true, 1, 9, 2, '["pii"]', '["EMAIL_ADDRESS"]', 1, 0, 0, '<script>alert(1)</script>''; DROP TABLE span;-- �?‮[31m', '{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0,"retrievals":[]}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO tool_call VALUES ('01a20188ee5e7260813ccdae1cd5bf77', 0, 'default', 1795322080862908, 'c1', 'f', 'fdb47a8235e7594666b261e94b14bf30', '16bd25705b8cf099892c2e19a3cc331a', 'answered');
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY annotation
    ADD CONSTRAINT annotation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY api_key
    ADD CONSTRAINT api_key_hash_key UNIQUE (hash);
ALTER TABLE ONLY api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY audit_event
    ADD CONSTRAINT audit_event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY blob
    ADD CONSTRAINT blob_pkey PRIMARY KEY (id);
ALTER TABLE ONLY feedback
    ADD CONSTRAINT feedback_pkey PRIMARY KEY (id);
ALTER TABLE ONLY finding
    ADD CONSTRAINT finding_pkey PRIMARY KEY (span_id, seq);
ALTER TABLE ONLY gap
    ADD CONSTRAINT gap_pkey PRIMARY KEY (id);
ALTER TABLE ONLY key_check
    ADD CONSTRAINT key_check_pkey PRIMARY KEY (id);
ALTER TABLE ONLY message_ref
    ADD CONSTRAINT message_ref_pkey PRIMARY KEY (span_id, side, seq);
ALTER TABLE ONLY outside_span
    ADD CONSTRAINT outside_span_pkey PRIMARY KEY (id);
ALTER TABLE ONLY retrieval_hit
    ADD CONSTRAINT retrieval_hit_pkey PRIMARY KEY (span_id, seq);
ALTER TABLE ONLY run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY span
    ADD CONSTRAINT span_pkey PRIMARY KEY (id);
ALTER TABLE ONLY tool_call
    ADD CONSTRAINT tool_call_pkey PRIMARY KEY (span_id, seq);
CREATE INDEX annotation_span ON annotation USING btree (span_id, created_us);
CREATE INDEX audit_event_newest ON audit_event USING btree (at_us, id);
CREATE INDEX feedback_target ON feedback USING btree (target, created_us);
CREATE INDEX finding_fingerprint ON finding USING btree (fingerprint);
CREATE INDEX finding_rule ON finding USING btree (rule, span_id);
CREATE INDEX message_ref_blob ON message_ref USING btree (blob_id);
CREATE INDEX outside_span_asked ON outside_span USING btree (asked);
CREATE INDEX outside_span_response ON outside_span USING btree (response_id);
CREATE INDEX outside_span_trace ON outside_span USING btree (trace_id);
CREATE INDEX run_newest ON run USING btree (received_us, id);
CREATE INDEX span_asked ON span USING btree (asked);
CREATE INDEX span_flagged ON span USING btree (started_us, id) WHERE (flagged IS TRUE);
CREATE INDEX span_key ON span USING btree (key_id, started_us);
CREATE INDEX span_newest ON span USING btree (started_us, id);
CREATE INDEX span_object ON span USING btree (object_id, key_id) WHERE (object_id IS NOT NULL);
CREATE INDEX span_outcome ON span USING btree (outcome, started_us, id);
CREATE INDEX span_response ON span USING btree (response_id);
CREATE INDEX span_run ON span USING btree (run_id, started_us);
CREATE INDEX span_shadow_of ON span USING btree (shadow_of) WHERE (shadow_of IS NOT NULL);
CREATE INDEX span_team ON span USING btree (team, started_us);
CREATE INDEX span_trace ON span USING btree (trace_id);
CREATE INDEX tool_call_join ON tool_call USING btree (tenant, call_id, started_us);
