-- DX01, QTY01, GEN01 and CYC01 written by hand in DuckDB's SQL, over everybody's settled rows.
-- Evidence, wording and amounts are left out, as in plain_rules.py.
-- inputs: run.settled_medical_claim, run.settled_pharmacy_claim, every_* and the run tables that say
-- who a person is; the terms of each kind as tables; ndc, hcpcs, codes; variables as_of,
-- default_supply_days, icd10cm, icd9
-- result: exception, one row per rule and line, with its reason

-- ---------------------------------------------------------------- what is on file

CREATE TEMP MACRO in_force(day, day_from, day_to) AS day >= day_from AND (day_to IS NULL OR day < day_to);

-- Every claim row known on the as-of date, except duplicates.
CREATE TEMP TABLE claim AS
WITH both_tables AS (
    SELECT 'medical' AS claim_source, * FROM run.settled_medical_claim
    UNION ALL BY NAME
    SELECT 'pharmacy' AS claim_source, * EXCLUDE (diagnosis_code, quantity),
           diagnosis_code AS diagnosis_code_1
    FROM run.settled_pharmacy_claim
)
SELECT claim_source, person, payer_id, claim_id, claim_line_number, service_date, fate,
       netted_quantity AS quantity, netted_paid_amount AS paid_amount, days_supply,
       dispensing_channel AS channel, daw_code, hcpcs_modifier_1, hcpcs_modifier_2,
       diagnosis_code_type, [diagnosis_code_1, diagnosis_code_2, diagnosis_code_3, diagnosis_code_4]
           AS codes,
       n.ingredient, n.product, n.strength_mg, n.form,
       CASE WHEN h.role = 'drug' OR h.role = 'unclassified' AND n.ingredient = h.drug THEN h.drug
            WHEN h.role IS DISTINCT FROM 'never' AND n.audited THEN n.ingredient END AS drug
FROM both_tables t
LEFT JOIN ndc n ON n.ndc11 = t.ndc_code
LEFT JOIN hcpcs h ON h.hcpcs = t.hcpcs_code
WHERE fate NOT IN ('duplicate', 'after_as_of');

CREATE TEMP VIEW line AS FROM claim WHERE fate = 'history' AND drug IS NOT NULL AND paid_amount > 0;

CREATE TEMP TABLE fill AS FROM claim
WHERE claim_source = 'pharmacy' AND fate = 'history' AND person IN (SELECT person FROM line);

CREATE TEMP TABLE diagnosis AS
SELECT person, claim_source, payer_id, claim_id, date, code
FROM (SELECT person, claim_source, payer_id, claim_id, service_date AS date, diagnosis_code_type,
             unnest(codes) AS code FROM claim
      UNION ALL BY NAME
      SELECT run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person, t.claim_id,
             t.diagnosis_code AS code, t.diagnosis_code_type,
             coalesce(t.diagnosis_date, d.diagnosis_date) AS date
      FROM every_diagnosis t
      LEFT JOIN run.sole_person s USING (member_id)
      LEFT JOIN run.dated_diagnosis d USING (file_no, row_number)
      WHERE coalesce(t.diagnosis_date, d.diagnosis_date) <= getvariable('as_of'))
WHERE person IN (SELECT person FROM line) AND regexp_matches(code, getvariable('icd10cm'))
  AND NOT coalesce(regexp_matches(diagnosis_code_type, getvariable('icd9')), false);

CREATE TEMP TABLE evidence AS
SELECT run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person, evidence_date,
       evidence_code, evidence_value
FROM every_clinical_evidence t LEFT JOIN run.sole_person s USING (member_id);

CREATE TEMP TABLE approval AS
SELECT run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person, payer_id, drug, product,
       start_date, end_date, override
FROM every_authorization t
LEFT JOIN run.sole_person s USING (member_id)
JOIN run.payer p ON p.name = lower(t.payer)
WHERE status = 'approved';

CREATE TEMP MACRO covers(approved, line) AS
    approved.person = line.person AND approved.payer_id = line.payer_id
    AND approved.drug = line.drug AND coalesce(approved.product = line.product, true)
    AND line.service_date BETWEEN approved.start_date AND approved.end_date;

CREATE TEMP TABLE exception (claim_source VARCHAR, payer_id VARCHAR, claim_id VARCHAR,
    claim_line_number BIGINT, term_id VARCHAR, rule_id VARCHAR, reason VARCHAR);

-- ---------------------------------------------------------------- DX01

CREATE TEMP TABLE diagnosis_case AS
SELECT row_number() OVER () AS n, l.*, t.policy_id, t.term_id, t.cancer_only,
       l.service_date - t.lookback_days AS first, l.service_date + t.lookahead_days AS last
FROM line l JOIN diagnosis_coverage t USING (payer_id, drug)
WHERE in_force(l.service_date, t.effective_from, t.effective_to);

INSERT INTO exception BY NAME
WITH seen AS (
    SELECT n, policy_id, service_date, code
    FROM diagnosis_case c JOIN diagnosis d USING (person)
    WHERE d.date BETWEEN first AND last
       OR d.claim_id = c.claim_id AND (d.claim_source IS NULL
           OR d.claim_source = c.claim_source AND d.payer_id = c.payer_id)
), listed AS (
    SELECT DISTINCT s.code, o.policy_id, o.standing, o.code_from, o.code_to
    FROM (SELECT DISTINCT code FROM seen) s
    JOIN codes o ON o.code = s.code OR o.with_children AND starts_with(s.code, o.code)
), standing AS (
    SELECT n, true AS has_code,
           bool_or(standing IN ('listed', 'criteria')) AS is_listed,
           bool_or(standing = 'conflict') AS conflicts,
           bool_or(standing = 'bcr_abl_negative') AS is_negative,
           bool_or(standing = 'neoplasm') AS is_neoplasm
    FROM seen s LEFT JOIN listed o ON o.policy_id = s.policy_id AND o.code = s.code
        AND in_force(s.service_date, o.code_from, o.code_to)
    GROUP BY n
), visit AS (
    SELECT DISTINCT n FROM diagnosis_case c JOIN claim v USING (person)
    WHERE v.claim_source = 'medical' AND v.fate = 'history'
      AND v.service_date BETWEEN first AND last
)
SELECT claim_source, payer_id, claim_id, claim_line_number, term_id, 'DX01' AS rule_id,
       CASE WHEN conflicts THEN 'listed_code_conflicts'
            WHEN is_negative THEN 'bcr_abl_negative'
            WHEN cancer_only AND is_neoplasm THEN 'other_cancer'
            WHEN cancer_only AND has_code THEN 'non_cancer_indication'
            WHEN has_code THEN 'diagnosis_not_listed'
            WHEN v.n IS NULL THEN 'no_medical_history'
            ELSE 'no_diagnosis_on_file' END AS reason
FROM diagnosis_case LEFT JOIN standing USING (n) LEFT JOIN visit v USING (n)
WHERE is_listed IS NOT TRUE;

-- ---------------------------------------------------------------- QTY01

INSERT INTO exception BY NAME
WITH quantity_case AS (
    SELECT row_number() OVER () AS n, l.*, t.policy_id, t.term_id, t.channel AS channel_of_term,
           t."limit" AS most, t.limit_with_inducer, t.standard_days
    FROM line l JOIN quantity_limit t USING (payer_id, drug, strength_mg)
    WHERE form = 'tablet' AND claim_source = 'pharmacy'
      AND in_force(l.service_date, t.effective_from, t.effective_to)
), asked AS (
    SELECT c.*, i.ingredients, i.override, c.service_date - i.days_before AS first,
           c.service_date + i.days_after AS last
    FROM quantity_case c JOIN inducer i USING (policy_id)
    WHERE in_force(c.service_date, i.effective_from, i.effective_to)
), helped AS (
    SELECT n FROM asked a JOIN fill f
        ON f.person = a.person AND list_contains(a.ingredients, f.ingredient)
    WHERE f.service_date <= last
      AND f.service_date + CAST(ceil(CASE WHEN f.days_supply > 0 THEN f.days_supply
          ELSE getvariable('default_supply_days') END) AS INTEGER) > first
    UNION
    SELECT n FROM asked a JOIN approval p ON covers(p, a) AND p.override = a.override
), limited AS (
    SELECT *, CASE WHEN n IN (FROM helped) THEN coalesce(limit_with_inducer, most) ELSE most END
        AS ceiling
    FROM quantity_case
)
SELECT l.claim_source, l.payer_id, l.claim_id, l.claim_line_number, l.term_id, 'QTY01' AS rule_id,
       CASE WHEN l.channel IS NULL AND l.quantity <= l.ceiling THEN 'channel_unknown'
            WHEN (l.days_supply > 0) IS NOT TRUE THEN 'days_supply_missing'
            WHEN l.quantity * l.standard_days <= l.ceiling * l.days_supply
                THEN 'extended_days_supply'
            WHEN l.quantity <= l.limit_with_inducer THEN 'inducer_not_on_file'
            ELSE 'quantity_over_limit' END AS reason
FROM limited l LEFT JOIN limited r
    ON r.channel_of_term = 'retail' AND r.policy_id = l.policy_id
    AND r.claim_source = l.claim_source AND r.payer_id = l.payer_id AND r.claim_id = l.claim_id
    AND r.claim_line_number = l.claim_line_number
WHERE l.channel_of_term = coalesce(l.channel, 'home_delivery')
  AND l.quantity > CASE WHEN l.channel IS NULL THEN r.ceiling ELSE l.ceiling END;

-- ---------------------------------------------------------------- GEN01

INSERT INTO exception BY NAME
WITH brand_case AS (
    SELECT row_number() OVER () AS n, l.*, t.* EXCLUDE (payer_id, drug)
    FROM line l JOIN generic_trial t USING (payer_id, drug)
    WHERE form = 'tablet' AND claim_source = 'pharmacy' AND product = 'brand'
      AND in_force(l.service_date, t.effective_from, t.effective_to)
), tried AS (
    SELECT n FROM brand_case c JOIN fill f USING (person, ingredient)
    WHERE f.product = 'generic' AND f.form = 'tablet' AND f.service_date < c.service_date
    UNION
    SELECT n FROM brand_case c JOIN evidence e USING (person)
    WHERE evidence_code = 'generic_trial' AND list_contains(trial_evidence, evidence_value)
      AND evidence_date <= service_date
), intolerant AS (
    SELECT n FROM brand_case c JOIN evidence e USING (person)
    WHERE evidence_code = 'formulation_intolerance'
      AND list_contains(intolerance_evidence, evidence_value) AND evidence_date <= service_date
), attested AS (
    SELECT n FROM brand_case c JOIN evidence e USING (person)
    WHERE evidence_code = 'generic_trial' AND list_contains(attested_evidence, evidence_value)
      AND evidence_date <= service_date
), approved AS (
    SELECT n FROM brand_case c JOIN approval p ON covers(p, c)
), unknown AS (
    SELECT n FROM brand_case c JOIN fill f USING (person)
    WHERE f.ingredient IS NULL AND f.service_date < c.service_date
), payer_start AS (
    SELECT payer_id, min(dispensing_date) AS sent_from
    FROM every_pharmacy_claim t JOIN run.payer p ON p.name = lower(t.payer) GROUP BY payer_id
), span AS (
    SELECT run.person_of(t.person_id, s.sole_person_id, t.member_id) AS person, payer_id,
           min(enrollment_start_date) AS enrolled_from
    FROM every_eligibility t
    LEFT JOIN run.sole_person s USING (member_id)
    JOIN run.payer p ON p.name = lower(t.payer)
    GROUP BY ALL
), observed AS (
    SELECT person, min(CASE WHEN sent_from IS NOT NULL THEN greatest(enrolled_from, sent_from) END)
        AS observed_from
    FROM span LEFT JOIN payer_start USING (payer_id) GROUP BY person
), known AS (
    SELECT c.*, c.n IN (FROM tried) AS has_trial, c.n IN (FROM approved) AS is_approved,
           c.n IN (FROM intolerant) AS is_intolerant,
           CASE WHEN o.person IS NULL THEN p.sent_from ELSE o.observed_from END AS observed_from
    FROM brand_case c LEFT JOIN observed o USING (person) LEFT JOIN payer_start p USING (payer_id)
)
SELECT claim_source, payer_id, claim_id, claim_line_number, term_id, 'GEN01' AS rule_id,
       CASE WHEN list_contains(plan_daw, daw_code) THEN 'plan_asked_for_brand'
            WHEN has_trial THEN 'intolerance_not_documented'
            WHEN is_approved THEN 'authorized_without_trial'
            WHEN n IN (FROM attested) THEN 'trial_not_documented'
            WHEN (service_date - observed_from >= observed_days) IS NOT TRUE
                THEN 'history_too_short'
            WHEN n IN (FROM unknown) THEN 'fills_not_identified'
            ELSE 'no_generic_trial' END AS reason
FROM known WHERE NOT (has_trial AND (is_approved OR is_intolerant));

-- ---------------------------------------------------------------- CYC01

CREATE TEMP TABLE cycle_case AS
SELECT row_number() OVER () AS n, l.*, t.* EXCLUDE (payer_id, drug)
FROM line l JOIN cycles_without_response t USING (payer_id, drug)
WHERE in_force(l.service_date, t.effective_from, t.effective_to);

-- One row per policy, person and dose date: start of the course, low and high count of cycles. A
-- date soon after a counted one is of the same dose. A cycle is full after doses_per_cycle dates.
CREATE TEMP TABLE counted_dose AS
WITH RECURSIVE dose AS (
    SELECT DISTINCT u.policy_id, c.person, c.service_date, u.gap_days, u.doses_per_cycle, u.low_days,
           u.high_days, u.same_dose_days
    FROM claim c
    JOIN (SELECT DISTINCT k.person, u.* FROM cycle_case k JOIN course u USING (policy_id)
          WHERE in_force(k.service_date, u.effective_from, u.effective_to)) u USING (person, drug)
    WHERE fate = 'history' AND claim_source = 'medical' AND quantity > 0
      AND NOT coalesce(list_contains(waste_modifiers, hcpcs_modifier_1), false)
      AND NOT coalesce(list_contains(waste_modifiers, hcpcs_modifier_2), false)
), placed AS (
    SELECT *, row_number() OVER dates AS place,
           coalesce(service_date - lag(service_date) OVER dates > gap_days, true) AS starts
    FROM dose WINDOW dates AS (PARTITION BY policy_id, person ORDER BY service_date)
), counted AS (
    SELECT policy_id, person, service_date, place, service_date AS start, service_date AS last,
           1 AS low, service_date AS low_first, 1 AS low_taken,
           1 AS high, service_date AS high_first, 1 AS high_taken
    FROM placed WHERE starts
    UNION ALL
    SELECT policy_id, person, day, place, start, CASE WHEN is_same THEN last ELSE day END,
           low + CAST(new_low AS INTEGER), CASE WHEN new_low THEN day ELSE low_first END,
           CASE WHEN new_low THEN 1 WHEN is_same THEN low_taken ELSE low_taken + 1 END,
           high + CAST(new_high AS INTEGER), CASE WHEN new_high THEN day ELSE high_first END,
           CASE WHEN new_high THEN 1 WHEN is_same THEN high_taken ELSE high_taken + 1 END
    FROM (SELECT c.* EXCLUDE (service_date, place), d.service_date AS day, d.place,
                 day - last < same_dose_days AS is_same,
                 NOT is_same AND (low_taken = doses_per_cycle OR day - low_first >= low_days)
                     AS new_low,
                 NOT is_same AND (high_taken = doses_per_cycle OR day - high_first >= high_days)
                     AS new_high
          FROM counted c JOIN placed d ON d.policy_id = c.policy_id AND d.person = c.person
              AND d.place = c.place + 1 AND NOT d.starts)
)
SELECT policy_id, person, service_date, start, low, high FROM counted;

INSERT INTO exception BY NAME
WITH dated AS (
    SELECT c.*, start, low, high FROM cycle_case c
    JOIN counted_dose USING (policy_id, person, service_date)
), response AS (
    SELECT n, policy_id, person, start, allowed, evidence_date,
           list_contains(response_values, evidence_value) AS is_met
    FROM dated JOIN evidence USING (person)
    WHERE evidence_code = 'response' AND evidence_date BETWEEN start AND service_date
), last_allowed AS (
    SELECT policy_id, person, start, low AS allowed, min(service_date) AS reached
    FROM counted_dose GROUP BY ALL
), late AS (
    SELECT n FROM response JOIN last_allowed USING (policy_id, person, start, allowed)
    WHERE evidence_date >= reached
), in_remission AS (
    SELECT n FROM dated c JOIN diagnosis d USING (person)
    WHERE list_contains(remission_codes, d.code) AND start < d.date AND d.date <= service_date
)
SELECT claim_source, payer_id, claim_id, claim_line_number, term_id, 'CYC01' AS rule_id,
       CASE WHEN low <= allowed THEN 'cycle_count_uncertain'
            WHEN n IN (FROM late) THEN 'response_not_reached'
            ELSE 'response_not_documented' END AS reason
FROM dated
WHERE high > allowed AND n NOT IN (FROM in_remission)
  AND n NOT IN (SELECT n FROM response WHERE is_met);
