BEGIN TRANSACTION;
CREATE TABLE pfd_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT pfd_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "pfd_alembic_version" VALUES('pfd_0008');
CREATE TABLE pfd_claim (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job_seq BIGINT NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	claimed_at DOUBLE NOT NULL, 
	outcome TEXT, 
	CONSTRAINT fk_pfd_claim_job_seq FOREIGN KEY(job_seq) REFERENCES pfd_job (seq) ON DELETE CASCADE
);
INSERT INTO "pfd_claim" VALUES(1,1,'f763088b6a2045589c1eee448bb20f9b',1.79582117558597159382e+09,NULL);
INSERT INTO "pfd_claim" VALUES(2,2,'f763088b6a2045589c1eee448bb20f9b',1.79582117568148374553e+09,'FAILURE: this value is wrong: 7');
CREATE TABLE pfd_edge (
	parent_seq BIGINT NOT NULL, 
	child_seq BIGINT NOT NULL, 
	CONSTRAINT pk_pfd_edge PRIMARY KEY (parent_seq, child_seq), 
	CONSTRAINT fk_pfd_edge_parent_seq FOREIGN KEY(parent_seq) REFERENCES pfd_job (seq) ON DELETE CASCADE, 
	CONSTRAINT fk_pfd_edge_child_seq FOREIGN KEY(child_seq) REFERENCES pfd_job (seq) ON DELETE CASCADE
);
INSERT INTO "pfd_edge" VALUES(4,5);
CREATE TABLE pfd_fact (
	name VARCHAR(50) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_pfd_fact PRIMARY KEY (name)
);
INSERT INTO "pfd_fact" VALUES('store_id','ef58fe2f54034d9f971ef1d0d8cc2a57');
CREATE TABLE pfd_job (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(64) NOT NULL, 
	task VARCHAR(200) NOT NULL, 
	queue VARCHAR(100) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	priority INTEGER NOT NULL, 
	due_at DOUBLE NOT NULL, 
	waiting INTEGER NOT NULL, 
	followers INTEGER NOT NULL, 
	claim BIGINT, 
	owner VARCHAR(64), 
	attempt INTEGER NOT NULL, 
	lost INTEGER NOT NULL, 
	cancel_requested INTEGER NOT NULL, 
	progress DOUBLE NOT NULL, 
	status TEXT NOT NULL, 
	meta TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	started_at DOUBLE, 
	ended_at DOUBLE, 
	"key" VARCHAR(200), 
	session VARCHAR(64), 
	parent_id VARCHAR(64), 
	retry_of VARCHAR(64), 
	tags TEXT NOT NULL, 
	options TEXT NOT NULL, 
	params TEXT NOT NULL, 
	result TEXT, 
	failure TEXT, 
	artifacts TEXT NOT NULL, level INTEGER DEFAULT '0' NOT NULL, coordinator INTEGER DEFAULT '0' NOT NULL, gpu INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT uq_pfd_job_id UNIQUE (id)
);
INSERT INTO "pfd_job" VALUES(1,'7c42b6bd-d63f-47ce-9ccc-cb7b78e85023','add','default','SUCCESS',0,0.0,0,0,1,'f763088b6a2045589c1eee448bb20f9b',1,0,0,1.0,'','{}',1.79582117538300657273e+09,1.79582117558597159382e+09,1.795821175674094677e+09,NULL,'6622-94dee4eddc794f66',NULL,NULL,'["kept"]','{}','{"a":1,"b":2}','{"value":3}',NULL,'[]',0,0,0);
INSERT INTO "pfd_job" VALUES(2,'83b305a5-fea5-4a32-8558-b103e0fba590','fail','default','FAILURE',0,0.0,0,0,2,'f763088b6a2045589c1eee448bb20f9b',1,0,0,0.0,'','{}',1.79582117541986417772e+09,1.79582117568148374553e+09,1.79582117715366959575e+09,NULL,'6622-94dee4eddc794f66',NULL,NULL,'[]','{}','{"kind":"value","times":99,"witness":""}',NULL,'{"type":"ValueError","message":"this value is wrong: 7","traceback":"Traceback (most recent call last):\n  File \"core/src/pfd/execution/calling.py\", line 106, in call\n    returned = function(params, context)\n               ^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"core/tests/plugin/pfd_sample/tasks.py\", line 109, in fail\n    raise ValueError(f\"this {params.kind} is wrong: 7\")\nValueError: this value is wrong: 7\n","hint":null}','[]',0,0,0);
INSERT INTO "pfd_job" VALUES(3,'bc32bb66-e5ca-4a51-990e-f0662b790d96','add','default','REVOKED',0,0.0,0,0,NULL,NULL,0,0,0,0.0,'','{}',1.79582117723539423943e+09,NULL,1.79582117724419736866e+09,NULL,'6622-94dee4eddc794f66',NULL,NULL,'[]','{}','{"a":5,"b":1}',NULL,'{"type":"JobCancelled","message":"cancelled before it started","traceback":"","hint":null}','[]',0,0,0);
INSERT INTO "pfd_job" VALUES(4,'6804083e-0b4e-4b19-9b41-45e98a63be65','add','default','PENDING',0,0.0,0,1,NULL,NULL,0,0,0,0.0,'','{}',1.79582117725875544549e+09,NULL,NULL,'one','6622-94dee4eddc794f66',NULL,NULL,'[]','{}','{"a":3,"b":4}',NULL,NULL,'[]',0,0,0);
INSERT INTO "pfd_job" VALUES(5,'ed2ad775-9ade-49d9-b314-5ec0f613c6fe','add','default','PENDING',0,0.0,1,0,NULL,NULL,0,0,0,0.0,'','{}',1.79582117727617526052e+09,NULL,NULL,NULL,'6622-94dee4eddc794f66',NULL,NULL,'[]','{}','{"a":7,"b":1}',NULL,NULL,'[]',0,0,0);
INSERT INTO "pfd_job" VALUES(6,'ddee8766-e43b-419d-b26e-652a1157e994','add','default','PENDING',0,1.89582117728988409043e+09,0,0,NULL,NULL,0,0,0,0.0,'','{}',1.79582117729024696353e+09,NULL,NULL,NULL,'6622-94dee4eddc794f66',NULL,NULL,'[]','{}','{"a":8,"b":1}',NULL,NULL,'[]',0,0,0);
INSERT INTO "pfd_job" VALUES(7,'68665f97-8447-4f67-bae9-70f089495cee','add','default','STARTED',0,0.0,0,0,9001,'ffffffffffffffffffffffffffffffff',1,0,0,0.0,'','{}',1.79582117731584548943e+09,1.79582117731573629379e+09,NULL,NULL,'mine',NULL,NULL,'[]','{}','{"a":1,"b":1}',NULL,NULL,'[]',0,0,0);
INSERT INTO "pfd_job" VALUES(8,'92044baa-c130-4e1d-9b72-80b0b988ef54','add','default','PROGRESS',0,0.0,0,0,9002,'ffffffffffffffffffffffffffffffff',1,0,0,0.5,'','{}',1.79582117732214927669e+09,1.79582117731573629379e+09,NULL,NULL,'mine',NULL,NULL,'[]','{}','{"a":1,"b":1}',NULL,NULL,'[]',0,0,0);
INSERT INTO "pfd_job" VALUES(9,'c1f9787d-c635-48eb-a963-6a25596ead63','add','default','RETRY',0,1.79582117731573629379e+09,0,0,NULL,NULL,1,0,0,0.0,'','{}',1.7958211773238449097e+09,NULL,NULL,NULL,'mine',NULL,NULL,'[]','{}','{"a":1,"b":1}',NULL,NULL,'[]',0,0,0);
CREATE TABLE pfd_mirror (
	job_seq BIGINT NOT NULL, 
	reply TEXT NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	progress DOUBLE NOT NULL, 
	status TEXT NOT NULL, 
	PRIMARY KEY (job_seq), 
	FOREIGN KEY(job_seq) REFERENCES pfd_job (seq) ON DELETE CASCADE
);
CREATE TABLE pfd_refused (
	runtime VARCHAR(50) NOT NULL, 
	queue VARCHAR(100) NOT NULL, 
	reason VARCHAR(300) NOT NULL, 
	number BIGINT NOT NULL, 
	first_at DOUBLE NOT NULL, 
	last_at DOUBLE NOT NULL, 
	sample TEXT NOT NULL, 
	PRIMARY KEY (runtime, queue, reason)
);
CREATE TABLE pfd_schedule (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(80) NOT NULL, 
	cron VARCHAR(200) NOT NULL, 
	zone VARCHAR(64) NOT NULL, 
	task VARCHAR(200) NOT NULL, 
	params TEXT NOT NULL, 
	options TEXT NOT NULL, 
	overlap VARCHAR(10) NOT NULL, 
	catch_up INTEGER NOT NULL, 
	enabled INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	settled_until BIGINT NOT NULL, 
	next_at BIGINT, 
	job_id VARCHAR(64), 
	created_at DOUBLE NOT NULL, 
	changed_at DOUBLE NOT NULL, 
	CONSTRAINT uq_pfd_schedule_name UNIQUE (name)
);
INSERT INTO "pfd_schedule" VALUES(1,'nightly','0 3 * * *','UTC','add','{"a":1}','{}','skip',1,1,1,1795821177,1795834800,NULL,1.79582117730017304423e+09,1.79582117730017304423e+09);
CREATE TABLE pfd_schedule_slot (
	schedule_seq BIGINT NOT NULL, 
	slot BIGINT NOT NULL, 
	settled_at DOUBLE NOT NULL, 
	outcome VARCHAR(10) NOT NULL, 
	reason TEXT NOT NULL, 
	passed_over INTEGER NOT NULL, 
	job_id VARCHAR(64), 
	CONSTRAINT pk_pfd_schedule_slot PRIMARY KEY (schedule_seq, slot), 
	CONSTRAINT fk_pfd_schedule_slot_schedule_seq FOREIGN KEY(schedule_seq) REFERENCES pfd_schedule (seq) ON DELETE CASCADE
);
CREATE TABLE pfd_tag (
	tag VARCHAR(100) NOT NULL, 
	job_seq BIGINT NOT NULL, 
	CONSTRAINT pk_pfd_tag PRIMARY KEY (tag, job_seq), 
	CONSTRAINT fk_pfd_tag_job_seq FOREIGN KEY(job_seq) REFERENCES pfd_job (seq) ON DELETE CASCADE
);
INSERT INTO "pfd_tag" VALUES('kept',1);
CREATE TABLE pfd_worker (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	runtime VARCHAR(50) NOT NULL, 
	slots TEXT NOT NULL, 
	session VARCHAR(64), 
	beat BIGINT NOT NULL, 
	started_at DOUBLE NOT NULL, 
	seen_at DOUBLE NOT NULL, gpus TEXT DEFAULT '{}' NOT NULL, metrics VARCHAR(300), 
	CONSTRAINT pk_pfd_worker PRIMARY KEY (id)
);
CREATE TABLE sample_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sample_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sample_alembic_version" VALUES('sample_0001');
CREATE TABLE sample_note (
	id INTEGER NOT NULL, 
	job_id VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_sample_note PRIMARY KEY (id), 
	CONSTRAINT fk_sample_note_job_id FOREIGN KEY(job_id) REFERENCES pfd_job (id) ON DELETE RESTRICT, 
	CONSTRAINT uq_sample_note_job_id UNIQUE (job_id)
);
CREATE INDEX ix_pfd_job_owner ON pfd_job (owner) WHERE state IN ('STARTED', 'PROGRESS');
CREATE UNIQUE INDEX uq_pfd_job_key ON pfd_job ("key") WHERE key IS NOT NULL AND state IN ('PENDING', 'RETRY', 'STARTED', 'PROGRESS');
CREATE INDEX ix_pfd_job_queue ON pfd_job (queue, seq);
CREATE INDEX ix_pfd_claim_job_seq ON pfd_claim (job_seq);
CREATE INDEX ix_pfd_edge_child_seq ON pfd_edge (child_seq);
CREATE INDEX ix_pfd_tag_job_seq ON pfd_tag (job_seq);
CREATE INDEX ix_pfd_job_coordinator ON pfd_job (queue) WHERE coordinator = 1 AND state IN ('PENDING', 'RETRY');
CREATE INDEX ix_pfd_job_state ON pfd_job (state, seq, task, queue);
CREATE INDEX ix_pfd_job_task ON pfd_job (task, seq, queue);
CREATE INDEX ix_pfd_job_parent_id ON pfd_job (parent_id, seq, state, task, queue) WHERE parent_id IS NOT NULL;
CREATE INDEX ix_pfd_schedule_next_at ON pfd_schedule (next_at);
CREATE INDEX ix_pfd_job_claimable ON pfd_job (queue, gpu, priority DESC, seq) WHERE waiting = 0 AND state IN ('PENDING', 'RETRY');
CREATE INDEX ix_pfd_refused_last_at ON pfd_refused (last_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('pfd_job',9);
INSERT INTO "sqlite_sequence" VALUES('pfd_claim',2);
INSERT INTO "sqlite_sequence" VALUES('pfd_schedule',1);
COMMIT;
