"""Code as people paste it: Python, TypeScript, Go, Rust, Java, Ruby, C#, C++, shell, SQL, CSS, HTML, regular expressions."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench.ordinary.draw import Draw


def python_function(d: Draw) -> str:
    """A function with a slice, a default and an f-string."""
    name, item = d.name(), d.word()
    return f'''def {name}({item}s, limit={d.number(2, 500)}, *, retries: int = {d.number(1, 9)}):
    """Return the first {item}s."""
    for i in range(0, len({item}s), {d.number(2, 64)}):
        batch = {item}s[i:i + limit]
        log.info(f"{{i:05d}} {{len(batch)=}} {{time.time() - start:.3f}}s")
        yield {d.cls()}(**batch[0], key=lambda x: x["{d.word()}"])'''


def python_class(d: Draw) -> str:
    """A model with a password field, a decorator and settings from the environment."""
    return f'''@dataclass(frozen=True)
class {d.cls()}:
    {d.word()}_id: int
    password: str = field(repr=False)
    token: str | None = None
    created: datetime = field(default_factory=lambda: datetime({d.number(2019, 2026)}, {d.number(1, 12)}, {d.number(1, 28)}))

    @property
    def {d.name()}(self) -> bool:
        return check_password(self.password, min_length={d.number(8, 16)})

SECRET_KEY = os.environ["{d.word().upper()}_SECRET_KEY"]
API_KEY = settings.{d.word()}_api_key or getpass.getpass("API key: ")'''


def pytest_case(d: Draw) -> str:
    """Parametrised tests with numbers and hashes."""
    rows = "\n".join(
        f'    ("{d.hex(d.number(6, 40))}", {d.number(-9, 99999)}, {d.decimal()}),'
        for _ in range(d.number(2, 5))
    )
    return f"@pytest.mark.parametrize(('digest', 'count', 'mean'), [\n{rows}\n])\ndef test_{d.name()}(digest, count, mean):\n    assert {d.name()}(digest) == pytest.approx(mean, rel=1e-{d.number(2, 9)})"


def typescript_component(d: Draw) -> str:
    """React with hooks and a token that is a variable."""
    return f"""import {{ useState, useEffect }} from "react";
import type {{ {d.cls()} }} from "@{d.package()}/{d.word()}";

export function {d.word().title()}List({{ {d.word()}Id, accessToken }}: Props) {{
  const [rows, setRows] = useState<{d.cls()}[]>([]);
  useEffect(() => {{
    const timer = setTimeout(() => fetch(`/api/v{d.number(1, 4)}/{d.word()}s/${{{d.word()}Id}}?page={d.number(1, 90)}&size={d.number(10, 100)}`, {{
      headers: {{ Authorization: `Bearer ${{accessToken}}`, "Content-Type": "application/json" }},
    }}).then((r) => r.json()).then(setRows), {d.number(100, 5000)});
    return () => clearTimeout(timer);
  }}, [{d.word()}Id]);
  return <div className="mt-{d.number(1, 12)} w-[{d.number(100, 900)}px] text-[#{d.hex(6)}]">{{rows.map((r, i) => <Row key={{i}} {{...r}} />)}}</div>;
}}"""


def javascript_config(d: Draw) -> str:
    """A bundler's configuration."""
    return f"""module.exports = {{
  entry: "./{d.path()}",
  output: {{ filename: "[name].[contenthash:{d.number(6, 12)}].js", publicPath: process.env.PUBLIC_PATH }},
  devServer: {{ port: {d.number(3000, 9000)}, proxy: {{ "/api": "http://localhost:{d.number(3000, 9000)}" }} }},
  resolve: {{ alias: {{ "@": path.resolve(__dirname, "src"), "~{d.word()}": "./{d.word()}" }} }},
}};"""


def go_handler(d: Draw) -> str:
    """An HTTP handler in Go."""
    name = d.word().title()
    return f'''func (s *Server) Handle{name}(w http.ResponseWriter, r *http.Request) {{
	ctx, cancel := context.WithTimeout(r.Context(), {d.number(1, 60)}*time.Second)
	defer cancel()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if err := s.auth.Verify(ctx, token); err != nil {{
		http.Error(w, fmt.Sprintf("{d.word()}: %w", err), http.StatusUnauthorized)
		return
	}}
	rows, err := s.db.QueryContext(ctx, "SELECT id, {d.word()} FROM {d.word()}s WHERE id = $1 LIMIT {d.number(1, 999)}", id)
	_ = rows
}}'''


def rust_module(d: Draw) -> str:
    """Rust with paths, lifetimes and a constant."""
    return f'''use std::collections::HashMap;
use {d.word()}::{d.word()}::{{self, {d.cls()}}};

const MAGIC: u64 = 0x{d.hex(16)};
const LIMIT: usize = {d.number(1, 9)}_{d.digits(3)}_{d.digits(3)};

impl<'a> {d.cls()}<'a> {{
    pub async fn {d.name().lower()}(&self, key: &'a str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {{
        let secret_key = std::env::var("{d.word().upper()}_SECRET_KEY")?;
        self.map.get(key).map(|v| v.iter().take({d.number(2, 64)}).copied().collect()).ok_or_else(|| {d.cls()}::new(secret_key).into())
    }}
}}'''


def java_service(d: Draw) -> str:
    """Spring with annotations."""
    return f'''@RestController
@RequestMapping("/api/v{d.number(1, 4)}/{d.word()}s")
public class {d.word().title()}Controller {{
    private static final long serialVersionUID = {d.one("", "-")}{d.digits(19)[:18]}L;
    @Value("${{{d.word()}.password}}") private String password;
    @Autowired private {d.cls()} {d.word()};

    @GetMapping("/{{id}}")
    public ResponseEntity<{d.cls()}> {d.name()}(@PathVariable UUID id, @RequestParam(defaultValue = "{d.number(10, 200)}") int size) {{
        return {d.word()}.findById(id).map(ResponseEntity::ok).orElseGet(() -> ResponseEntity.notFound().build());
    }}
}}'''


def ruby_model(d: Draw) -> str:
    """Rails with validations."""
    return f"""class {d.word().title()} < ApplicationRecord
  has_secure_password
  has_many :{d.word()}s, -> {{ where("created_at > ?", {d.number(1, 90)}.days.ago) }}, dependent: :destroy
  validates :password, length: {{ minimum: {d.number(8, 14)} }}, allow_nil: true
  enum status: {{ draft: 0, live: {d.number(1, 9)}, gone: {d.number(10, 99)} }}
  before_save {{ self.slug = "#{{title.parameterize}}-#{{SecureRandom.hex({d.number(2, 16)})}}" }}
end"""


def csharp_class(d: Draw) -> str:
    """C# with a GUID."""
    return f'''[Guid("{d.uuid().upper()}")]
public sealed record {d.cls()}(int Id, string? Password, decimal Total)
{{
    public const string Version = "{d.version()}";
    public async Task<IReadOnlyList<{d.cls()}>> {d.word().title()}Async(CancellationToken token = default) =>
        await _db.{d.word().title()}s.Where(x => x.Total > {d.decimal()}m).Skip({d.number(0, 900)}).Take({d.number(5, 100)}).ToListAsync(token);
}}'''


def cpp_template(d: Draw) -> str:
    """C++ with scopes and hexadecimal constants."""
    name = d.word()
    return f"""namespace {d.word()}::{name} {{
template <typename T, std::size_t N = {d.number(2, 512)}>
class {d.cls()} : public std::enable_shared_from_this<{d.cls()}> {{
 public:
  static constexpr uint32_t kPoly = 0x{d.hex(8)}u;
  explicit {name}(std::vector<std::pair<int, T>>&& v) noexcept : v_(std::move(v)) {{}}
  uint64_t mix(uint64_t x) const {{ x ^= x >> {d.number(11, 33)}; x *= 0x{d.hex(16)}ULL; return x; }}
}};
}}  // namespace {d.word()}::{name}"""


def assembly(d: Draw) -> str:
    """A disassembly."""
    address = d.number(0x1000, 0xFFFFF)
    lines = []
    for step in range(d.number(4, 9)):
        bytes_ = " ".join(d.hex(2) for _ in range(d.number(1, 7)))
        code = d.one(
            f"mov    %rax,-0x{d.hex(2)}(%rbp)",
            f"callq  {d.hex(6)} <{d.name()}+0x{d.hex(2)}>",
            f"add    $0x{d.hex(2)},%rsp",
            "retq",
            f"cmp    ${d.number(1, 255)},%al",
        )
        lines.append(f"  {address + step * 4:x}:\t{bytes_:22}\t{code}")
    return "\n".join(lines)


def shell_script(d: Draw) -> str:
    """A script with variables where values would stand."""
    return f'''#!/usr/bin/env bash
set -euo pipefail
export {d.word().upper()}_TOKEN="${{{d.word().upper()}_TOKEN:?missing}}"
VERSION=$(git describe --tags --abbrev={d.number(4, 12)})
for f in $(find ./{d.word()} -mtime -{d.number(1, 30)} -name "*.{d.one("log", "gz", "csv")}"); do
  awk -F, '{{ s += ${d.number(1, 9)} }} END {{ printf "%.{d.number(1, 4)}f\\n", s / NR }}' "$f" | tee -a /tmp/{d.word()}-$$.txt
done
curl -fsSL -u "$USER:$PASSWORD" "https://artifacts.internal/{d.word()}/{d.version()}/app.tar.gz" | tar xz --strip-components={d.number(1, 3)}
ssh -i ~/.ssh/id_ed25519 deploy@build-{d.number(1, 40)} "sudo systemctl restart {d.word()}@{d.number(1, 8)}"'''


def sql_query(d: Draw) -> str:
    """A query with windows and identifiers."""
    return f"""WITH ranked AS (
  SELECT {d.word()}_id, total, ROW_NUMBER() OVER (PARTITION BY region ORDER BY created_at DESC) AS rn
  FROM {d.word()}s WHERE created_at BETWEEN '{d.date()}' AND '{d.date()} {d.clock()}' AND status IN ({d.number(0, 9)}, {d.number(10, 99)}, {d.number(100, 999)})
)
SELECT r.*, COALESCE(p.amount, 0.00)::numeric({d.number(8, 18)},{d.number(2, 4)}) FROM ranked r LEFT JOIN {d.word()}s p USING ({d.word()}_id)
WHERE rn <= {d.number(1, 20)} AND p.external_ref = '{d.uuid()}' LIMIT {d.number(10, 5000)} OFFSET {d.number(0, 90000)};"""


def sql_inserts(d: Draw) -> str:
    """Rows of numbers, dates and ids."""
    rows = ",\n".join(
        f"  ({d.digits(d.number(4, 11))}, '{d.date()} {d.clock()}', {d.decimal()}, '{d.uuid()}', {d.one('NULL', 'true', 'false')})"
        for _ in range(d.number(2, 6))
    )
    return f"INSERT INTO {d.word()}_{d.word()} (id, created_at, amount, ref, ok) VALUES\n{rows};"


def sql_schema(d: Draw) -> str:
    """A table with columns that are named like secrets."""
    return f"""CREATE TABLE {d.word()}s (
    id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH {d.digits(d.number(4, 9))}),
    email VARCHAR({d.number(64, 320)}) NOT NULL UNIQUE CHECK (email LIKE '%@%'),
    password_hash CHAR({d.number(60, 128)}) NOT NULL, -- bcrypt, cost {d.number(10, 14)}
    api_key_id UUID DEFAULT gen_random_uuid(), phone VARCHAR({d.number(12, 32)}), ssn_last4 CHAR(4),
    balance NUMERIC({d.number(10, 18)}, 2) DEFAULT 0.00
);
CREATE INDEX CONCURRENTLY idx_{d.word()}_{d.hex(6)} ON {d.word()}s (lower(email), created_at DESC);"""


def stylesheet(d: Draw) -> str:
    """CSS with colours, curves and pseudo-elements."""
    return f""".{d.word()}-{d.word()}::before, a:hover:not(.{d.word()}) {{
  color: #{d.hex(6)}; background: rgba({d.number(0, 255)}, {d.number(0, 255)}, {d.number(0, 255)}, 0.{d.number(1, 9)});
  margin: {d.number(0, 40)}px {d.number(0, 40)}px -{d.number(1, 9)}px {d.decimal()}rem;
  transition: transform {d.number(100, 900)}ms cubic-bezier(0.{d.number(1, 9)}{d.number(1, 9)}, 0.{d.number(1, 9)}, 0.{d.number(10, 99)}, 1.{d.number(0, 9)});
  content: "\\{d.hex(4)}"; grid-template: repeat({d.number(2, 9)}, minmax({d.number(80, 300)}px, 1fr)) / auto;
}}
@media (min-width: {d.number(300, 1600)}px) and (-webkit-min-device-pixel-ratio: 1.5) {{ .icon {{ background-image: url(icons/{d.word()}@2x.png?v={d.hex(8)}); }} }}"""


def html_page(d: Draw) -> str:
    """Markup with integrity hashes, an SVG path and a form."""
    return f'''<script src="https://cdn.jsdelivr.net/npm/{d.package()}@{d.semver()}/dist/index.min.js" integrity="sha384-{d.base64(48)}" crossorigin="anonymous"></script>
<svg viewBox="0 0 {d.number(16, 512)} {d.number(16, 512)}"><path d="M{d.number(0, 99)} {d.number(0, 99)}l{d.decimal()} {d.decimal()}c{d.number(1, 9)}.{d.number(1, 99)}-{d.number(1, 9)} {d.number(10, 99)} {d.number(10, 99)} {d.number(100, 999)} {d.number(1, 9)}z"/></svg>
<form action="/login?next=%2F{d.word()}%2F{d.number(1, 999)}"><input type="password" name="password" placeholder="Password" minlength="{d.number(8, 12)}"><input type="tel" pattern="[0-9]{{3}}-[0-9]{{4}}"></form>'''


def expression(d: Draw) -> str:
    """A regular expression to explain."""
    return d.one(
        r"^(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9]+)*)@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$",
        rf"(?<year>\d{{4}})-(?<month>\d{{2}})-(?<day>\d{{2}})T(\d{{2}}):(\d{{2}}).{{{d.number(1, 9)},{d.number(10, 99)}}}",
        rf"\b(?:\d{{1,3}}\.){{3}}\d{{1,3}}\b|[0-9a-f]{{{d.number(2, 8)}}}:{{2}}",
        r"/^(?=.*[A-Z])(?=.*\d)(?=.*[!@#$%]).{8,}$/ tests a password",
        rf"s/([^,]*),([^,]*),(.*)/\2,\1,\3/g;{d.number(1, 40)}d",
        r"\+?1?[-. (]*\d{3}[-. )]*\d{3}[-. ]*\d{4} for phone numbers",
        r"(\b\d{4}[- ]?){3}\d{4}\b should match card numbers but not order ids",
        rf"^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*)))?$ against {d.version()}",
    )


def notebook(d: Draw) -> str:
    """Arrays as a notebook prints them."""
    rows = "\n".join("  [" + ", ".join(d.decimal() for _ in range(5)) + "]," for _ in range(d.number(2, 5)))
    return f">>> model.predict(X[:{d.number(2, 9)}])\narray([\n{rows}\n])\n>>> df.shape, df.memory_usage().sum()\n(({d.digits(d.number(3, 7))}, {d.number(2, 90)}), {d.digits(9)})\nIn [{d.number(1, 99)}]: np.random.seed({d.digits(d.number(2, 9))})"


def protobuf(d: Draw) -> str:
    """A message definition."""
    fields = "\n".join(
        f"  {d.one('string', 'int64', 'repeated bytes', 'fixed32')} {d.word()}_{d.word()} = {n};"
        for n in range(1, d.number(4, 9))
    )
    return f'syntax = "proto3";\npackage {d.word()}.v{d.number(1, 3)};\nmessage {d.word().title()} {{\n{fields}\n  reserved {d.number(20, 40)} to {d.number(41, 99)};\n}}'


def graphql(d: Draw) -> str:
    """A query and its variables."""
    return f'query {d.word().title()}($id: ID!, $first: Int = {d.number(5, 50)}) {{\n  {d.word()}(id: $id) {{ id createdAt ... on {d.cls()} {{ {d.word()}s(first: $first, after: "{d.base64(12)}") {{ pageInfo {{ endCursor }} }} }} }}\n}}\n# variables: {{"id": "{d.uuid()}"}}'


ALL: tuple[Callable[[Draw], str], ...] = (
    python_function, python_class, pytest_case, typescript_component, javascript_config, go_handler, rust_module,
    java_service, ruby_model, csharp_class, cpp_template, assembly, shell_script, sql_query, sql_inserts, sql_schema,
    stylesheet, html_page, expression, notebook, protobuf, graphql,
)  # fmt: skip
"""Every generator of code."""
