BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v0004');
CREATE TABLE annotation (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	span_id TEXT NOT NULL, 
	finding INTEGER, 
	verdict TEXT NOT NULL, 
	note TEXT NOT NULL, 
	author TEXT NOT NULL, 
	created_us BIGINT NOT NULL, 
	supersedes TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "annotation" VALUES('01a20188ddd3709c8f7b5e8b0527aaab','default','01a20188dd8c7e0cbfe53160d3e3517e',NULL,'pass','fine; ''"\','ada',1795322076629900,NULL);
CREATE TABLE api_key (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	name TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	admin BOOLEAN NOT NULL, 
	created_us BIGINT NOT NULL, 
	revoked_us BIGINT, team TEXT, models TEXT, policy TEXT, tags TEXT, limits TEXT, expires_us BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (hash)
);
CREATE TABLE audit_event (
	id TEXT NOT NULL, 
	at_us BIGINT NOT NULL, 
	tenant TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	object TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE blob (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	codec TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "blob" VALUES('119ffde0778f09fe08bc7a26ccab5275','default','raw',85,X'7B226D6F64656C223A22736D616C6C222C226D65737361676573223A5B7B22726F6C65223A2275736572222C22636F6E74656E74223A226D61696C205B454D41494C5F414444524553535D20706C61696E227D5D7D');
INSERT INTO "blob" VALUES('a1fc614ecd664437dfcd2916bfcb1051','default','raw',115,X'7B226964223A2263686174636D706C2D31222C2263686F69636573223A5B7B22696E646578223A302C226D657373616765223A7B22726F6C65223A22617373697374616E74222C22636F6E74656E74223A22446F6E652E227D2C2266696E6973685F726561736F6E223A2273746F70227D5D7D');
INSERT INTO "blob" VALUES('368eccaa7216eb0b67c5cfaf7fa3c6ac','default','raw',31,X'7B226D6F64656C223A22736D616C6C222C226D65737361676573223A5B5D7D');
INSERT INTO "blob" VALUES('e565fa00560b04ca4f0a192ac57e20b2','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182894E717A58C12A361309A0E86773650AA05008F3F7D54');
INSERT INTO "blob" VALUES('3d05eeddc09b2e1c9eff1ad485b3f1e7','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182A94E717A58C12A361309A0E86773650AA0500932B7D55');
INSERT INTO "blob" VALUES('2747991a24a1df9970af05e2338aed77','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182994E717A58C12A361309A0E86773650AA050097177D56');
INSERT INTO "blob" VALUES('0fa1e8727797644ccaf8d05695ff14c0','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182B94E717A58C12A361309A0E86773650AA05009B037D57');
INSERT INTO "blob" VALUES('1d25fd725f8df94e7a479fdfe305faa4','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A982894E717A58C12A361309A0E86773650AA05009EEF7D58');
INSERT INTO "blob" VALUES('b7d40b49d42b80f1f5114ddff4c56b6e','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A982A94E717A58C12A361309A0E86773650AA0500A2DB7D59');
INSERT INTO "blob" VALUES('fdb47a8235e7594666b261e94b14bf30','default','raw',2,X'7B7D');
INSERT INTO "blob" VALUES('16bd25705b8cf099892c2e19a3cc331a','default','raw',10,X'31322064656772656573');
INSERT INTO "blob" VALUES('8de18acf9f5be9686263192140f53159','default','raw',9,X'612070617373616765');
INSERT INTO "blob" VALUES('a5a8530d5e09357f7f882e64d5c13e49','default','raw',140,X'7B226D6F64656C223A2022736D616C6C222C20226D65737361676573223A205B7B22726F6C65223A202275736572222C2022636F6E74656E74223A20223C7363726970743E616C6572742831293C2F7363726970743E273B2044524F50205441424C45207370616E3B2D2D205C75303030305C75643830305C75323032655C75303031625B33316D227D5D7D');
CREATE TABLE feedback (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	key_id TEXT, 
	target TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value FLOAT, 
	comment_blob TEXT, 
	created_us BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE finding (
	span_id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	side TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	"check" TEXT NOT NULL, 
	entity TEXT NOT NULL, 
	stage TEXT NOT NULL, 
	pointer TEXT NOT NULL, 
	within TEXT NOT NULL, 
	start INTEGER NOT NULL, 
	"end" INTEGER NOT NULL, 
	score FLOAT NOT NULL, 
	action TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	masked_start INTEGER, 
	masked_end INTEGER, 
	PRIMARY KEY (span_id, seq)
);
INSERT INTO "finding" VALUES('01a20188dd8c7e0cbfe53160d3e3517e',0,'default','input','pii','pii','EMAIL_ADDRESS','input','/messages/0/content','',5,29,0.9,'redact','enforce','f1',5,20);
INSERT INTO "finding" VALUES('01a20188dd8d754090d2a2e5ce9f3140',0,'default','input','pii','pii','EMAIL_ADDRESS','input','/messages/0/content','',5,29,0.9,'redact','enforce','f1',5,20);
INSERT INTO "finding" VALUES('01a20188dd8d7c01860844092856d980',0,'default','input','pii','pii','EMAIL_ADDRESS','input','/messages/0/content','',5,29,0.9,'redact','enforce','f1',5,20);
CREATE TABLE gap (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	started_us BIGINT NOT NULL, 
	ended_us BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	lost INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE key_check (
	id BIGINT NOT NULL, 
	tenant TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE message_ref (
	span_id TEXT NOT NULL, 
	side TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	pointer TEXT NOT NULL, 
	blob_id TEXT NOT NULL, 
	PRIMARY KEY (span_id, side, seq)
);
INSERT INTO "message_ref" VALUES('01a20188dd8c7e0cbfe53160d3e3517e','request',0,'default','','119ffde0778f09fe08bc7a26ccab5275');
INSERT INTO "message_ref" VALUES('01a20188dd8c7e0cbfe53160d3e3517e','response',0,'default','','a1fc614ecd664437dfcd2916bfcb1051');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','request',0,'default','','368eccaa7216eb0b67c5cfaf7fa3c6ac');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','request',1,'default','/messages/0','e565fa00560b04ca4f0a192ac57e20b2');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','request',2,'default','/messages/1','3d05eeddc09b2e1c9eff1ad485b3f1e7');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','request',3,'default','/messages/2','2747991a24a1df9970af05e2338aed77');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','request',4,'default','/messages/3','0fa1e8727797644ccaf8d05695ff14c0');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','request',5,'default','/messages/4','1d25fd725f8df94e7a479fdfe305faa4');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','request',6,'default','/messages/5','b7d40b49d42b80f1f5114ddff4c56b6e');
INSERT INTO "message_ref" VALUES('01a20188dd8d754090d2a2e5ce9f3140','response',0,'default','','a1fc614ecd664437dfcd2916bfcb1051');
INSERT INTO "message_ref" VALUES('01a20188dd8d7c01860844092856d980','request',0,'default','','a5a8530d5e09357f7f882e64d5c13e49');
INSERT INTO "message_ref" VALUES('01a20188dd8d7c01860844092856d980','response',0,'default','','a1fc614ecd664437dfcd2916bfcb1051');
CREATE TABLE outside_span (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	key_id TEXT, 
	trace_id TEXT NOT NULL, 
	parent_span TEXT, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	service TEXT, 
	source TEXT NOT NULL, 
	started_us BIGINT NOT NULL, 
	ended_us BIGINT, 
	received_us BIGINT NOT NULL, 
	error BOOLEAN NOT NULL, 
	response_id TEXT, 
	asked TEXT, 
	detail_blob TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE retrieval_hit (
	span_id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	rank INTEGER NOT NULL, 
	doc_id TEXT NOT NULL, 
	score FLOAT, 
	text_blob TEXT NOT NULL, 
	source TEXT NOT NULL, 
	PRIMARY KEY (span_id, seq)
);
INSERT INTO "retrieval_hit" VALUES('01a20188dd8d754090d2a2e5ce9f3140',0,'default',1,'d1',0.5,'8de18acf9f5be9686263192140f53159','tool');
CREATE TABLE run (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	received_us BIGINT NOT NULL, 
	created_at TEXT NOT NULL, 
	suite TEXT NOT NULL, 
	head TEXT NOT NULL, 
	items INTEGER NOT NULL, 
	document BLOB NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE span (
	id TEXT NOT NULL, 
	trace_id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	key_id TEXT, 
	started_us BIGINT NOT NULL, 
	duration_us BIGINT, 
	first_token_us BIGINT, 
	path TEXT NOT NULL, 
	dialect TEXT NOT NULL, 
	stream BOOLEAN NOT NULL, 
	model TEXT NOT NULL, 
	answered_model TEXT, 
	deployment TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	action TEXT NOT NULL, 
	decided TEXT NOT NULL, 
	flagged BOOLEAN NOT NULL, 
	http_status INTEGER NOT NULL, 
	error_type TEXT, 
	error_code TEXT, 
	error_message TEXT, 
	error_param TEXT, 
	upstream_called BOOLEAN NOT NULL, 
	attempts INTEGER NOT NULL, 
	tokens_in BIGINT, 
	tokens_out BIGINT, 
	rules TEXT NOT NULL, 
	entities TEXT NOT NULL, 
	findings INTEGER NOT NULL, 
	tool_calls INTEGER NOT NULL, 
	hits INTEGER NOT NULL, 
	preview TEXT NOT NULL, 
	detail TEXT NOT NULL, shadow_of TEXT, object_id TEXT, team TEXT, tags TEXT, price_version TEXT, prompt TEXT, prompt_version TEXT, prompt_hash TEXT, session_id TEXT, run_id TEXT, run_source TEXT, parent_span TEXT, response_id TEXT, asked TEXT, config TEXT, cost_nanousd BIGINT, charged_nanousd BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "span" VALUES('01a20188dd8c7e0cbfe53160d3e3517e','01a20188dd8c7e0cbfe53160d3e3517e','default','key-1',1795322076556998,1500,900,'/v1/chat/completions','chat',0,'small',NULL,'','','default@0123456789ab','masked','redact','redact',1,200,NULL,NULL,NULL,NULL,1,1,9,2,'["pii"]','["EMAIL_ADDRESS"]',1,0,0,'mail [EMAIL_ADDRESS] plain','{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0,"retrievals":[]}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "span" VALUES('01a20188dd8d754090d2a2e5ce9f3140','01a20188dd8d754090d2a2e5ce9f3140','default','key-1',1795322076557207,1500,900,'/v1/chat/completions','chat',0,'small',NULL,'','','default@0123456789ab','masked','redact','redact',1,200,NULL,NULL,NULL,NULL,1,1,9,2,'["pii"]','["EMAIL_ADDRESS"]',1,1,1,'5 word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word wor','{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0,"retrievals":[]}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "span" VALUES('01a20188dd8d7c01860844092856d980','01a20188dd8d7c01860844092856d980','default','key-1',1795322076557251,1500,900,'/v1/chat/completions','chat',0,'m�?=cmd|'' /C calc''!A0',NULL,'','','default@0123456789ab','masked','redact','redact',1,200,NULL,NULL,NULL,NULL,1,1,9,2,'["pii"]','["EMAIL_ADDRESS"]',1,0,0,'<script>alert(1)</script>''; DROP TABLE span;-- �?‮[31m','{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0,"retrievals":[]}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE tool_call (
	span_id TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	tenant TEXT NOT NULL, 
	started_us BIGINT NOT NULL, 
	call_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	arguments_blob TEXT NOT NULL, 
	result_blob TEXT, 
	state TEXT NOT NULL, 
	PRIMARY KEY (span_id, seq)
);
INSERT INTO "tool_call" VALUES('01a20188dd8d754090d2a2e5ce9f3140',0,'default',1795322076557207,'c1','f','fdb47a8235e7594666b261e94b14bf30','16bd25705b8cf099892c2e19a3cc331a','answered');
CREATE INDEX span_flagged ON span (started_us, id) WHERE flagged IS 1;
CREATE INDEX span_newest ON span (started_us, id);
CREATE INDEX span_outcome ON span (outcome, started_us, id);
CREATE INDEX span_trace ON span (trace_id);
CREATE INDEX finding_fingerprint ON finding (fingerprint);
CREATE INDEX finding_rule ON finding (rule, span_id);
CREATE INDEX message_ref_blob ON message_ref (blob_id);
CREATE INDEX tool_call_join ON tool_call (tenant, call_id, started_us);
CREATE INDEX annotation_span ON annotation (span_id, created_us);
CREATE INDEX run_newest ON run (received_us, id);
CREATE INDEX span_shadow_of ON span (shadow_of) WHERE shadow_of IS NOT NULL;
CREATE INDEX span_object ON span (object_id, key_id) WHERE object_id IS NOT NULL;
CREATE INDEX span_run ON span (run_id, started_us);
CREATE INDEX span_response ON span (response_id);
CREATE INDEX span_asked ON span (asked);
CREATE INDEX span_team ON span (team, started_us);
CREATE INDEX span_key ON span (key_id, started_us);
CREATE INDEX outside_span_trace ON outside_span (trace_id);
CREATE INDEX outside_span_response ON outside_span (response_id);
CREATE INDEX outside_span_asked ON outside_span (asked);
CREATE INDEX feedback_target ON feedback (target, created_us);
CREATE INDEX audit_event_newest ON audit_event (at_us, id);
COMMIT;
