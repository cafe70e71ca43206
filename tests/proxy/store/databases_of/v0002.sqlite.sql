BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v0002');
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
INSERT INTO "annotation" VALUES('01a201887b337d51a37894eeded8ff1a','default','01a201887b2975c2b16ec4d1259454cb',NULL,'pass','fine; ''"\','ada',1795322051379191,NULL);
CREATE TABLE api_key (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	name TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	admin BOOLEAN NOT NULL, 
	created_us BIGINT NOT NULL, 
	revoked_us BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (hash)
);
CREATE TABLE blob (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	codec TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	body BLOB NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "blob" VALUES('a78f307bbbb9916a0a9ba1b53ceee658','default','raw',31,X'7B226D6F64656C223A22736D616C6C222C226D65737361676573223A5B5D7D');
INSERT INTO "blob" VALUES('d9800ac929de47c50f4739467eaa795c','default','raw',54,X'7B22726F6C65223A2275736572222C22636F6E74656E74223A226D61696C205B454D41494C5F414444524553535D20706C61696E227D');
INSERT INTO "blob" VALUES('2dcf8802f9751833537c086d939bfd87','default','raw',32,X'7B226964223A2263686174636D706C2D31222C2263686F69636573223A5B5D7D');
INSERT INTO "blob" VALUES('a7afdb9815744425c8245d7ca8a1af88','default','raw',83,X'7B22696E646578223A302C226D657373616765223A7B22726F6C65223A22617373697374616E74222C22636F6E74656E74223A22446F6E652E227D2C2266696E6973685F726561736F6E223A2273746F70227D');
INSERT INTO "blob" VALUES('983ae09f394cb7b200831f66cc51f672','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182894E717A58C12A361309A0E86773650AA05008F3F7D54');
INSERT INTO "blob" VALUES('319a77c0384b750b1450e6ef59febed6','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182A94E717A58C12A361309A0E86773650AA0500932B7D55');
INSERT INTO "blob" VALUES('80f394473b21a4da392889a1f82460e9','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182994E717A58C12A361309A0E86773650AA050097177D56');
INSERT INTO "blob" VALUES('dbed31f269b79fbf6eb162f9da8b9955','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A182B94E717A58C12A361309A0E86773650AA05009B037D57');
INSERT INTO "blob" VALUES('9dac0fbd385a5f09792d103e3d7732ce','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A982894E717A58C12A361309A0E86773650AA05009EEF7D58');
INSERT INTO "blob" VALUES('fcd79122186a96282dcbe241f48dec11','default','zlib',1030,X'7801AB562ACACF4955B2522A2D4E2D52D2514ACECF2B49CD2B010A982A94E717A58C12A361309A0E86773650AA0500A2DB7D59');
INSERT INTO "blob" VALUES('353ac3bd86d5b3e79faae11331c6bcce','default','raw',2,X'7B7D');
INSERT INTO "blob" VALUES('937f8a03fc43d3963829e27ef22dfaa1','default','raw',10,X'31322064656772656573');
INSERT INTO "blob" VALUES('5a86764376c29efc6dcaf19fada4aa66','default','raw',9,X'612070617373616765');
INSERT INTO "blob" VALUES('375df948b152049485c0532c3c5a1b92','default','raw',106,X'7B22726F6C65223A202275736572222C2022636F6E74656E74223A20223C7363726970743E616C6572742831293C2F7363726970743E273B2044524F50205441424C45207370616E3B2D2D205C75303030305C75643830305C75323032655C75303031625B33316D227D');
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
INSERT INTO "finding" VALUES('01a201887b2975c2b16ec4d1259454cb',0,'default','input','pii','pii','EMAIL_ADDRESS','input','/messages/0/content','',5,29,0.9,'redact','enforce','f1',5,20);
INSERT INTO "finding" VALUES('01a201887b297a7d833ea032af245a8b',0,'default','input','pii','pii','EMAIL_ADDRESS','input','/messages/0/content','',5,29,0.9,'redact','enforce','f1',5,20);
INSERT INTO "finding" VALUES('01a201887b297970b1616fbc7e270fca',0,'default','input','pii','pii','EMAIL_ADDRESS','input','/messages/0/content','',5,29,0.9,'redact','enforce','f1',5,20);
CREATE TABLE gap (
	id TEXT NOT NULL, 
	tenant TEXT NOT NULL, 
	started_us BIGINT NOT NULL, 
	ended_us BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	lost INTEGER NOT NULL, 
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
INSERT INTO "message_ref" VALUES('01a201887b2975c2b16ec4d1259454cb','request',0,'default','','a78f307bbbb9916a0a9ba1b53ceee658');
INSERT INTO "message_ref" VALUES('01a201887b2975c2b16ec4d1259454cb','request',1,'default','/messages/0','d9800ac929de47c50f4739467eaa795c');
INSERT INTO "message_ref" VALUES('01a201887b2975c2b16ec4d1259454cb','response',0,'default','','2dcf8802f9751833537c086d939bfd87');
INSERT INTO "message_ref" VALUES('01a201887b2975c2b16ec4d1259454cb','response',1,'default','/choices/0','a7afdb9815744425c8245d7ca8a1af88');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','request',0,'default','','a78f307bbbb9916a0a9ba1b53ceee658');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','request',1,'default','/messages/0','983ae09f394cb7b200831f66cc51f672');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','request',2,'default','/messages/1','319a77c0384b750b1450e6ef59febed6');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','request',3,'default','/messages/2','80f394473b21a4da392889a1f82460e9');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','request',4,'default','/messages/3','dbed31f269b79fbf6eb162f9da8b9955');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','request',5,'default','/messages/4','9dac0fbd385a5f09792d103e3d7732ce');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','request',6,'default','/messages/5','fcd79122186a96282dcbe241f48dec11');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','response',0,'default','','2dcf8802f9751833537c086d939bfd87');
INSERT INTO "message_ref" VALUES('01a201887b297a7d833ea032af245a8b','response',1,'default','/choices/0','a7afdb9815744425c8245d7ca8a1af88');
INSERT INTO "message_ref" VALUES('01a201887b297970b1616fbc7e270fca','request',0,'default','','a78f307bbbb9916a0a9ba1b53ceee658');
INSERT INTO "message_ref" VALUES('01a201887b297970b1616fbc7e270fca','request',1,'default','/messages/0','375df948b152049485c0532c3c5a1b92');
INSERT INTO "message_ref" VALUES('01a201887b297970b1616fbc7e270fca','response',0,'default','','2dcf8802f9751833537c086d939bfd87');
INSERT INTO "message_ref" VALUES('01a201887b297970b1616fbc7e270fca','response',1,'default','/choices/0','a7afdb9815744425c8245d7ca8a1af88');
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
INSERT INTO "retrieval_hit" VALUES('01a201887b297a7d833ea032af245a8b',0,'default',1,'d1',0.5,'5a86764376c29efc6dcaf19fada4aa66','tool');
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
	detail TEXT NOT NULL, shadow_of TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "span" VALUES('01a201887b2975c2b16ec4d1259454cb','01a201887b2975c2b16ec4d1259454cb','default','key-1',1795322051369705,1500,900,'/v1/chat/completions','chat',0,'small',NULL,'','','default@0123456789ab','masked','redact','redact',1,200,NULL,NULL,NULL,NULL,1,1,9,2,'["pii"]','["EMAIL_ADDRESS"]',1,0,0,'mail [EMAIL_ADDRESS] plain','{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0}',NULL);
INSERT INTO "span" VALUES('01a201887b297a7d833ea032af245a8b','01a201887b297a7d833ea032af245a8b','default','key-1',1795322051369862,1500,900,'/v1/chat/completions','chat',0,'small',NULL,'','','default@0123456789ab','masked','redact','redact',1,200,NULL,NULL,NULL,NULL,1,1,9,2,'["pii"]','["EMAIL_ADDRESS"]',1,1,1,'5 word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word wor','{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0}',NULL);
INSERT INTO "span" VALUES('01a201887b297970b1616fbc7e270fca','01a201887b297970b1616fbc7e270fca','default','key-1',1795322051369901,1500,900,'/v1/chat/completions','chat',0,'m�?=cmd|'' /C calc''!A0',NULL,'','','default@0123456789ab','masked','redact','redact',1,200,NULL,NULL,NULL,NULL,1,1,9,2,'["pii"]','["EMAIL_ADDRESS"]',1,0,0,'<script>alert(1)</script>''; DROP TABLE span;-- �?‮[31m','{"usage":{"prompt_tokens":9,"completion_tokens":2},"finish_reasons":["stop"],"timings":{},"failures":[{"side":"input","rule":"names","check":"pii","kind":"timeout","reason":"TimeoutError","action":"allow"}],"findings_left_out":0}',NULL);
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
INSERT INTO "tool_call" VALUES('01a201887b297a7d833ea032af245a8b',0,'default',1795322051369862,'c1','f','353ac3bd86d5b3e79faae11331c6bcce','937f8a03fc43d3963829e27ef22dfaa1','answered');
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
COMMIT;
