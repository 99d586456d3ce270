-- Names what each column may be; the work is in `store.append` (migrations/0001_event_store.sql).
SELECT verdict AS "verdict!", last_seq, stream, version, detail, answer, fingerprint, head_at, clock AS "clock!"
FROM store.append(
    $1,
    $2,
    $3, $4, $5,
    $6, $7, $8, $9,
    $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23,
    $24, $25, $26, $27,
    $28, $29, $30, $31,
    $32, $33, $34, $35,
    $36, $37, $38, $39, $40, $41, $42, $43, $44, $45
)
