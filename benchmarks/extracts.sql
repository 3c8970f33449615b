-- The extracts of the benchmark: one view per table. Every value is a hash of its row's number, so
-- that the same N gives the same rows in any number of threads. Nobody in them exists.
-- inputs: variables members, providers, medical_lines, fills, diagnoses, imatinib_patients,
-- inotuzumab_patients

-- ---------------------------------------------------------------- chance

-- At least 0, below 1.
CREATE MACRO chance(n, salt) AS hash(n, salt, 20260630) / 18446744073709551616.0;

CREATE MACRO pick(n, salt, many) AS CAST(hash(n, salt, 20260630) % CAST(many AS UBIGINT) AS BIGINT);

-- Low numbers often.
CREATE MACRO skewed(n, salt, many) AS CAST(
    floor(many * chance(n, salt) * chance(n, salt)) AS BIGINT);

CREATE MACRO one_of(n, salt, choices) AS choices[1 + pick(n, salt, len(choices))];

-- ---------------------------------------------------------------- codes

CREATE MACRO luhn_doubled(digit) AS 2 * digit - CASE WHEN digit > 4 THEN 9 ELSE 0 END;

-- the NPI of nine digits, with its check digit (Luhn, the prefix 80840 adds 24)
CREATE MACRO with_check_digit(nine) AS nine * 10 + (10 - (24
    + luhn_doubled(nine // 100000000) + nine // 10000000 % 10 + luhn_doubled(nine // 1000000 % 10)
        + nine // 100000 % 10
    + luhn_doubled(nine // 10000 % 10) + nine // 1000 % 10 + luhn_doubled(nine // 100 % 10)
        + nine // 10 % 10
    + luhn_doubled(nine % 10)) % 10) % 10;

CREATE MACRO npi(provider) AS CAST(with_check_digit(100000000 + provider) AS VARCHAR);

CREATE MACRO icd10(k, dot) AS chr(CAST(65 + k % 20 AS INTEGER)) ||
    lpad(CAST(k // 20 % 100 AS VARCHAR), 2, '0') || dot || k // 2000;

-- ---------------------------------------------------------------- members and patients
-- Patients of the audited drugs have the low member numbers: multiples of 3 for imatinib, one more
-- for inotuzumab.

CREATE MACRO takes_imatinib(m) AS m % 3 = 0 AND m < 3 * getvariable('imatinib_patients');

CREATE MACRO takes_inotuzumab(m) AS m % 3 = 1 AND m < 3 * getvariable('inotuzumab_patients');

CREATE MACRO payer_of(m) AS
    CASE WHEN takes_imatinib(m) THEN one_of(m, 'payer',
        ['Cigna', 'CIGNA', 'Cigna Healthcare', 'NantHealth', 'NantHealth', 'Prairie Mutual'])
         WHEN takes_inotuzumab(m) THEN one_of(m, 'payer',
             ['MMM', 'MMM Healthcare', 'MMM', 'BCBSNC', 'Blue Cross NC'])
         ELSE one_of(m, 'payer', ['Prairie Mutual', 'Lakeside Health', 'Cigna', 'NantHealth', 'MMM',
             'BCBSNC', 'Granite State', 'Medicare']) END;

CREATE MACRO member_id(m) AS 'M' || lpad(CAST(m AS VARCHAR), 9, '0');

-- Some have two.
CREATE MACRO person_id(m) AS 'P' || lpad(CAST(CASE WHEN m % 50 = 49 THEN m - 1 ELSE m END
    AS VARCHAR), 9, '0');

CREATE MACRO plan_of(m) AS one_of(m, 'plan',
    ['PPO Gold', 'PPO Silver', 'HMO', 'Medicare Advantage']);

CREATE MACRO imatinib_start(p) AS CAST('2024-09-01' AS DATE) + CAST(pick(p, 'imatinib start', 300)
    AS INTEGER);

CREATE MACRO inotuzumab_start(q) AS CAST('2024-09-01' AS DATE)
    + CAST(pick(q, 'inotuzumab start', 540) AS INTEGER);

-- ---------------------------------------------------------------- final action
-- 3 % of claims are denied; 1 % repeat the claim 500 before them: as its reversal, replacement,
-- void or exact copy.

CREATE MACRO fate_of(claim) AS
    CASE WHEN pick(claim, 'fate', 1000) < 30 THEN 'denied'
         WHEN pick(claim, 'fate', 1000) >= 40 OR claim < 500 THEN 'paid'
         ELSE ['reversal', 'reversal', 'reversal', 'reversal', 'replacement', 'replacement',
             'replacement', 'void', 'void', 'copy']
              [pick(claim, 'fate', 1000) - 29] END;

CREATE MACRO source_of(claim, fate) AS CASE WHEN fate IN ('paid', 'denied') THEN claim
    ELSE claim - 500 END;

CREATE MACRO status_of(claim, fate) AS
    CASE fate WHEN 'denied' THEN 'denied' WHEN 'reversal' THEN 'reversed'
         ELSE one_of(claim, 'status', ['paid', 'paid', 'P']) END;

CREATE MACRO frequency_of(fate) AS CASE fate WHEN 'replacement' THEN '7' WHEN 'void' THEN '8'
    ELSE '1' END;

CREATE MACRO days_until_paid(claim, source, fate) AS
    CASE WHEN fate IN ('paid', 'denied', 'copy') THEN pick(source, 'paid on', 30)
         ELSE 40 + pick(claim, 'paid on', 30) END;

CREATE MACRO signed(fate, amount) AS CASE WHEN fate IN ('reversal', 'void') THEN -amount
    ELSE amount END;

-- ---------------------------------------------------------------- medical claims
-- Two lines each; one claim in 200 is a dose.

CREATE MACRO is_dose(claim) AS claim % 200 = 6;

CREATE MACRO dosed_patient(claim) AS claim // 200 % getvariable('inotuzumab_patients');

CREATE MACRO dose_number(claim) AS claim // 200 // getvariable('inotuzumab_patients');

CREATE MACRO medical_member(claim) AS
    CASE WHEN is_dose(claim) THEN 3 * dosed_patient(claim) + 1
         ELSE pick(claim, 'member', getvariable('members')) END;

CREATE MACRO medical_id(claim) AS 'MC' || lpad(CAST(claim AS VARCHAR), 10, '0');

-- doses on days 1, 8 and 15 of a cycle of 28 days, some late, some courses interrupted
CREATE MACRO dose_date(claim) AS
    inotuzumab_start(dosed_patient(claim))
    + CAST(28 * (dose_number(claim) // 3) + 7 * (dose_number(claim) % 3)
           + CASE WHEN chance(claim, 'late') < 0.1 THEN pick(claim, 'days late', 7) ELSE 0 END
           + CASE WHEN dosed_patient(claim) % 10 = 0 AND dose_number(claim) > 5 THEN 100 ELSE 0 END
               AS INTEGER);

CREATE MACRO medical_date(claim) AS
    CASE WHEN is_dose(claim) THEN dose_date(claim)
         ELSE CAST('2024-07-01' AS DATE)
              + CAST(claim * 1460 // getvariable('medical_lines') + pick(claim, 'day', 7)
                  AS INTEGER) END;

CREATE VIEW medical_claim AS
WITH counted AS (
    SELECT i, i // 2 AS claim, i % 2 AS second
        FROM range(CAST(getvariable('medical_lines') AS BIGINT)) r(i)
), fated AS (
    SELECT *, fate_of(claim) AS fate FROM counted
), sourced AS (
    SELECT *, source_of(claim, fate) AS s, 2 * s + second AS l, is_dose(s) AND second = 0 AS is_drug
        FROM fated
), dated AS (
    SELECT *, medical_member(s) AS m, medical_date(s) AS day FROM sourced
)
SELECT CASE WHEN fate IN ('reversal', 'copy') THEN medical_id(s) ELSE medical_id(claim) END
    AS claim_id,
       second + 1 AS claim_line_number,
       person_id(m) AS person_id,
       member_id(m) AS member_id,
       payer_of(m) AS payer,
       plan_of(m) AS plan,
       day AS claim_start_date,
       day AS claim_line_start_date,
       CASE WHEN is_drug THEN one_of(l, 'drug code',
           ['J9229', 'J9229', 'J9229', 'J9229', 'J9229', 'J9229', 'J9229', 'J9229', 'J9999',
           'C9028'])
            WHEN is_dose(s) THEN '96413'
            ELSE CAST(70000 + skewed(l, 'hcpcs', 8000) AS VARCHAR) END AS hcpcs_code,
       CASE WHEN is_drug THEN one_of(l, 'modifier', ['JZ', 'JZ', 'JZ', 'JW', NULL])
            WHEN chance(l, 'modifier') < 0.15 THEN '25' END
           AS hcpcs_modifier_1,
       CASE WHEN chance(l, 'modifier 2') < 0.02 THEN '59' END AS hcpcs_modifier_2,
       CASE WHEN is_drug THEN '00008-0100-01'
            WHEN chance(l, 'ndc') < 0.05 THEN '70' || lpad(CAST(skewed(l, 'ndc', 20000) AS VARCHAR),
                3, '0') || '-0' || lpad(CAST(pick(l, 'product', 900) AS VARCHAR), 3, '0') || '-01'
                END
           AS ndc_code,
       CAST(signed(fate, CASE WHEN is_drug THEN CASE WHEN chance(l, 'odd units') < 0.05
                              THEN 1 + pick(l, 'units', 30)
                                                     WHEN dose_number(s) % 3 = 0 THEN 18 ELSE 9 END
                              ELSE 1 + skewed(l, 'units', 4) END) AS DECIMAL(18, 3))
                                  AS service_unit_quantity,
       npi(skewed(s, 'rendering', getvariable('providers'))) AS rendering_npi,
       npi(90000000 + skewed(s, 'billing', getvariable('providers') // 10)) AS billing_npi,
       one_of(s, 'place', ['11', '11', '22', '19', '23']) AS place_of_service_code,
       CAST(signed(fate, CASE WHEN is_drug THEN 2500 ELSE 20 END
           * (1 + pick(l, 'paid', 1000) / 100.0)) AS DECIMAL(18, 2)) AS paid_amount,
       day + CAST(10 + days_until_paid(claim, s, fate) AS INTEGER) AS paid_date,
       'icd-10-cm' AS diagnosis_code_type,
       CASE WHEN is_dose(s) THEN one_of(dosed_patient(s), 'leukemia',
           ['C9100', 'C9100', 'C9101', 'C9102', 'C8350', 'E119'])
            ELSE icd10(skewed(s, 'first diagnosis', 20000), '') END AS diagnosis_code_1,
       CASE WHEN chance(s, 'second') < 0.6 THEN icd10(skewed(s, 'second diagnosis', 20000), '') END
           AS diagnosis_code_2,
       CASE WHEN chance(s, 'third') < 0.35 THEN icd10(skewed(s, 'third diagnosis', 20000), '') END
           AS diagnosis_code_3,
       CASE WHEN chance(s, 'fourth') < 0.15 THEN icd10(skewed(s, 'fourth diagnosis', 20000), '') END
           AS diagnosis_code_4,
       status_of(s, fate) AS claim_status,
       frequency_of(fate) AS claim_frequency_code,
       CASE WHEN fate IN ('replacement', 'void') THEN medical_id(s) END AS original_claim_id
FROM dated;

-- ---------------------------------------------------------------- pharmacy claims
-- One fill in 100 is imatinib, some are inducers.

CREATE MACRO is_imatinib(claim) AS claim % 100 = 7;

CREATE MACRO is_inducer(claim) AS claim % 2000 = 8;

CREATE MACRO filling_patient(claim) AS
    CASE WHEN is_inducer(claim) THEN claim // 2000 ELSE claim // 100 END
    % getvariable('imatinib_patients');

CREATE MACRO fill_number(claim) AS claim // 100 // getvariable('imatinib_patients');

CREATE MACRO pharmacy_member(claim) AS
    CASE WHEN is_imatinib(claim) OR is_inducer(claim) THEN 3 * filling_patient(claim)
        ELSE pick(claim, 'fill member', getvariable('members')) END;

CREATE MACRO pharmacy_id(claim) AS 'RX' || lpad(CAST(claim AS VARCHAR), 10, '0');

CREATE MACRO uses_home_delivery(p) AS pick(p, 'channel', 10) = 0;

CREATE MACRO pharmacy_date(claim) AS
    CASE WHEN is_inducer(claim) THEN imatinib_start(filling_patient(claim))
        + CAST(pick(claim, 'inducer day', 300) AS INTEGER)
         WHEN is_imatinib(claim) THEN
             imatinib_start(filling_patient(claim))
             + CAST(fill_number(claim) * CASE WHEN uses_home_delivery(filling_patient(claim))
                 THEN 90 ELSE 30 END
                    + pick(claim, 'fill day', 5) AS INTEGER)
         ELSE CAST('2024-07-01' AS DATE) + CAST(claim * 730 // getvariable('fills')
             + pick(claim, 'day', 7) AS INTEGER) END;

-- brand from the first fill, brand after two of the generic, or the generic alone; capsules are
-- left out
CREATE MACRO takes_brand(p, fill) AS
    CASE pick(p, 'brand', 10) WHEN 0 THEN true WHEN 1 THEN fill > 1 ELSE false END;

CREATE MACRO strength_mg(p) AS CASE WHEN pick(p, 'strength', 10) < 7 THEN 400 ELSE 100 END;

CREATE MACRO tablets(claim, p) AS
    CASE WHEN strength_mg(p) = 400 THEN one_of(claim, 'tablets',
        [30, 30, 30, 30, 30, 30, 60, 60, 60, 90])
         ELSE one_of(claim, 'tablets', [90, 90, 90, 120, 120, 120, 120, 180, 180, 270]) END
    * CASE WHEN uses_home_delivery(p) THEN 3 ELSE 1 END;

CREATE VIEW pharmacy_claim AS
WITH counted AS (
    SELECT i AS claim, fate_of(i) AS fate FROM range(CAST(getvariable('fills') AS BIGINT)) r(i)
), sourced AS (
    SELECT *, source_of(claim, fate) AS s, is_imatinib(s) AS is_drug, filling_patient(s) AS p
        FROM counted
), dated AS (
    SELECT *, pharmacy_member(s) AS m, pharmacy_date(s) AS day,
           is_drug AND takes_brand(p, fill_number(s)) AS is_brand,
           CASE WHEN is_drug THEN tablets(s, p) ELSE 30 * (1 + skewed(s, 'quantity', 3)) END
               AS quantity
    FROM sourced
)
SELECT CASE WHEN fate IN ('reversal', 'copy') THEN pharmacy_id(s) ELSE pharmacy_id(claim) END
    AS claim_id,
       CAST(1 AS BIGINT) AS claim_line_number,
       CASE WHEN m % 5 > 0 THEN person_id(m) END AS person_id,
       member_id(m) AS member_id,
       payer_of(m) AS payer,
       plan_of(m) AS plan,
       npi(skewed(s, 'prescriber', getvariable('providers'))) AS prescribing_provider_npi,
       npi(95000000 + skewed(s, 'pharmacy', getvariable('providers') // 10))
           AS dispensing_provider_npi,
       day AS dispensing_date,
       CASE WHEN is_inducer(s) THEN '68180065806'
            WHEN is_brand THEN CASE WHEN strength_mg(p) = 400 THEN '00078064930'
                ELSE '00078040134' END
            WHEN is_drug THEN CASE WHEN strength_mg(p) = 400 THEN '47335047583'
                ELSE '47335047281' END
            ELSE '7' || lpad(CAST(skewed(s, 'ndc', 40000) AS VARCHAR), 8, '0') || '01' END
                AS ndc_code,
       CAST(signed(fate, quantity) AS DECIMAL(18, 3)) AS quantity,
       CAST(CASE WHEN is_drug AND uses_home_delivery(p) THEN 90
            WHEN chance(s, 'no days') < 0.02 THEN NULL ELSE 30 END AS DECIMAL(18, 3))
           AS days_supply,
       CAST(signed(fate, quantity * CASE WHEN is_brand THEN 300 WHEN is_drug THEN 12 ELSE 1 END
           * (1 + pick(s, 'paid', 100) / 100.0))
            AS DECIMAL(18, 2)) AS paid_amount,
       day + CAST(days_until_paid(claim, s, fate) AS INTEGER) AS paid_date,
       CAST(signed(fate, 2.50) AS DECIMAL(18, 2)) AS dispensing_fee,
       CASE WHEN is_drug AND uses_home_delivery(p) THEN 'home_delivery'
            WHEN chance(s, 'channel') < 0.9 THEN 'retail' END AS dispensing_channel,
       CASE WHEN is_brand THEN '1' ELSE '0' END AS daw_code,
       CASE WHEN chance(s, 'diagnosis') < 0.05 THEN icd10(skewed(s, 'diagnosis', 20000), '.') END
           AS diagnosis_code,
       status_of(s, fate) AS claim_status,
       frequency_of(fate) AS claim_frequency_code,
       CASE WHEN fate IN ('replacement', 'void') THEN pharmacy_id(s) END AS original_claim_id
FROM dated;

-- ---------------------------------------------------------------- diagnoses
-- Four per medical claim; one in 1000 is a patient's.

CREATE VIEW diagnosis AS
WITH counted AS (
    SELECT i, i // 4 AS claim, i % 1000 = 3 AND pick(i // 1000 % getvariable('imatinib_patients'),
        'leukemia', 10) > 0 AS is_leukemia,
           i // 1000 % getvariable('imatinib_patients') AS p
    FROM range(CAST(getvariable('diagnoses') AS BIGINT)) r(i)
-- One in 20 has no date but that of its claim, if the claim has an id of its own and is known.
), placed AS (
    SELECT *, CASE WHEN is_leukemia THEN 3 * p ELSE medical_member(claim) END AS m,
           pick(claim, 'undated', 20) > 0 OR fate_of(claim) NOT IN ('paid', 'denied')
               OR medical_date(claim) > CAST('2026-06-30' AS DATE) AS has_date
    FROM counted
)
SELECT CASE WHEN NOT is_leukemia THEN medical_id(claim) END AS claim_id,
       person_id(m) AS person_id,
       member_id(m) AS member_id,
       CASE WHEN is_leukemia THEN one_of(p, 'code',
           ['C92.10', 'C92.10', 'C92.11', 'C91.00', 'C49.A2', 'D47.1', 'I10'])
            ELSE icd10(skewed(i, 'code', 20000), '.') END AS diagnosis_code,
       'icd-10-cm' AS diagnosis_code_type,
       CAST(i % 4 + 1 AS VARCHAR) AS diagnosis_rank,
       CASE WHEN is_leukemia THEN imatinib_start(p) + CAST(pick(i, 'seen', 300) AS INTEGER)
            WHEN has_date THEN medical_date(claim) END AS diagnosis_date
FROM placed;

-- ---------------------------------------------------------------- members
-- Authorizations, evidence, providers.

CREATE VIEW eligibility AS
SELECT person_id(m) AS person_id,
       member_id(m) AS member_id,
       CAST('1935-01-01' AS DATE) + CAST(pick(m // 50 * 50 + least(m % 50, 48), 'birth', 29000)
           AS INTEGER) AS birth_date,
       CASE WHEN chance(m, 'death') < 0.01 THEN CAST('2025-07-01' AS DATE)
           + CAST(pick(m, 'death day', 360) AS INTEGER) END AS death_date,
       payer_of(m) AS payer,
       'commercial' AS payer_type,
       plan_of(m) AS plan,
       CASE WHEN span = 0 THEN CAST('2022-01-01' AS DATE) + CAST(pick(m, 'enrolled', 900)
           AS INTEGER) ELSE CAST('2026-01-01' AS DATE) END
           AS enrollment_start_date,
       CASE WHEN span = 0 AND m % 10 = 0 THEN CAST('2025-11-30' AS DATE) END AS enrollment_end_date
FROM (SELECT i // 2 AS m, i % 2 AS span FROM range(2 * CAST(getvariable('members') AS BIGINT)) r(i))
WHERE span = 0 OR m % 10 = 0;

CREATE VIEW patient AS
SELECT i % 2 = 0 AS on_imatinib, i // 2 AS n, CASE WHEN on_imatinib THEN 3 * n ELSE 3 * n + 1 END
    AS m,
       CASE WHEN on_imatinib THEN imatinib_start(n) ELSE inotuzumab_start(n) END AS start
FROM range(2 * CAST(getvariable('imatinib_patients') AS BIGINT)) r(i)
WHERE on_imatinib OR n < getvariable('inotuzumab_patients');

CREATE VIEW "authorization" AS
SELECT 'A' || lpad(CAST(m AS VARCHAR), 9, '0') || '-' || year AS authorization_id,
       person_id(m) AS person_id,
       member_id(m) AS member_id,
       payer_of(m) AS payer,
       CASE WHEN on_imatinib THEN 'imatinib' ELSE 'inotuzumab' END AS drug,
       CASE WHEN on_imatinib AND chance(m, 'product') < 0.5 THEN one_of(m, 'product asked',
           ['generic', 'generic', 'brand']) END AS product,
       one_of(m * 2 + year, 'decision', ['approved', 'approved', 'approved', 'approved', 'denied',
           'pended']) AS status,
       start + CAST(365 * year - 10 AS INTEGER) AS start_date,
       start + CAST(365 * year + CASE WHEN on_imatinib THEN 354 ELSE 90 END AS INTEGER) AS end_date,
       CASE WHEN chance(m, 'override') < 0.03 THEN 'cyp3a4_inducer' END AS override
FROM patient, range(2) y(year)
WHERE chance(m, 'asked') < 0.8 - 0.3 * year
ORDER BY m, year;

CREATE VIEW clinical_evidence AS
SELECT person_id(m) AS person_id,
       member_id(m) AS member_id,
       start + CAST(pick(m, 'seen ' || evidence.code, 90) AS INTEGER) AS evidence_date,
       evidence.code AS evidence_code,
       one_of(m, evidence.code, evidence.choices) AS evidence_value,
       'chart' AS source
FROM patient, (VALUES (true, 'generic_trial', 0.1, ['documented', 'attested']),
                      (true, 'formulation_intolerance', 0.05, ['documented']),
                      (false, 'response', 0.6, ['CR', 'CRi', 'PR', 'NR']),
                      (false, 'mrd', 0.3, ['negative', 'positive']),
                      (false, 'bsa_m2', 0.5, ['1.62', '1.8', '1.95']),
                      (false, 'philadelphia', 0.4, ['positive', 'negative']))
    evidence(on_imatinib, code, share, choices)
WHERE evidence.on_imatinib = patient.on_imatinib
  AND chance(m, 'known ' || evidence.code) < evidence.share
ORDER BY m, evidence.code;

CREATE VIEW provider AS
SELECT npi(k) AS npi,
       CASE k % 7 WHEN 0 THEN '207RX0202X' WHEN 1 THEN '207RH0003X' WHEN 2 THEN '207R00000X'
           WHEN 3 THEN '363LF0000X' ELSE '208D00000X' END
           AS taxonomy_code
FROM range(CAST(getvariable('providers') AS BIGINT)) r(k);
