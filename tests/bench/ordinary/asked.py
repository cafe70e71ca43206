"""Questions about code as they are typed, written by hand: each stands once. And what is asked about a pasted text."""

from __future__ import annotations

LEADS = (
    "Why does this fail?\n\n",
    "Explain this to a junior developer:\n\n",
    "Please review:\n```\n",
    "Convert this to something more idiomatic.\n\n",
    "I get this since we upgraded, what changed?\n",
    "Write a test for the following.\n\n",
    "Can you spot the bug here\n\n",
    "Summarise in two sentences:\n",
    "",
    "make this faster pls:\n",
    "Translate the comments to French and keep the rest:\n\n",
    "Is this safe to run in production?\n\n",
    "Turn it into a table:\n",
    "What does it print, and why?\n\n",
)

QUESTIONS = tuple(
    line.replace("\\n", "\n")
    for line in r"""
How do I undo the last 3 commits but keep the changes in the working tree?
What is the difference between `==` and `===`, and why is `[] == ![]` true?
In pandas, how do I group by month and keep the 2 largest values per group?
Write a regex for a US phone number like (ddd) ddd-dddd, with an optional +1.
Explain how bcrypt stores the salt inside the hash, e.g. what the $2b$12$ part means.
Our login form has a password field; which autocomplete attribute should it have, new-password or current-password?
password = input("Password: ")\nif password == stored: print("ok")  # what is wrong with this?
The docs say password is required. Where do I pass password when I call connect()?
def set_password(self, raw_password): self.password = make_password(raw_password) - does this salt?
secret = secrets.token_urlsafe(32) vs uuid.uuid4().hex for session ids?
How do I read API_KEY from the environment in Deno? In Node it is process.env.API_KEY.
My token count is off: tokenizer.encode("hello world") gives 2 tokens, the API bills 9.
max_tokens: 4096, temperature: 0.7, top_p: 0.95 - which of these should I touch first?
Set up a cron job for 02:30 on weekdays: is `30 2 * * 1-5` right?
What does 0 0,12 1 */2 * mean in crontab?
Convert 1730809845123 to a date in JavaScript. Is it milliseconds or microseconds?
Why is 0.1 + 0.2 = 0.30000000000000004?
What are the primes between 1000000007 and 1000000100?
Is 2147483647 the largest int32? And 9223372036854775807 for int64, 18446744073709551615 for uint64?
My order ids are 16 digits such as 1000000000000001, 1000000000000002; does JS lose precision past 9007199254740991?
std::map<std::string, std::vector<std::pair<int,int>>> m; is m["a"].emplace_back(1, 2) legal?
In C++ what does foo::bar::baz<T>::value mean when T::type is private?
Why does `a[::2]` copy in Python but not in NumPy?
x[1:10:3], x[::-1], x[-5:] - explain each slice.
Use flexbox or grid for a 12-column layout with 16px gutters and a 1140px container?
body { font: 16px/1.5 system-ui; color: #1a2b3c; } - contrast ratio against #fafafa?
Which HTTP status for a rate limit, 429 or 503, and is Retry-After: 120 in seconds?
curl -X POST http://localhost:8000/v1/items -H 'Content-Type: application/json' -d '{"id": 42}' returns 422
curl -H "Authorization: Bearer $TOKEN" https://api.internal/v2/users?page=3&per_page=50
listen tcp 127.0.0.1:8080: bind: address already in use. Which process holds the port?
nginx: proxy_pass http://127.0.0.1:3000; proxy_read_timeout 300s; still a 504 after 60s
What does 0.0.0.0/0 mean in a security group, and ::/0?
Difference between localhost, 127.0.0.1 and ::1 in Docker?
docker run --rm -p 8080:80 -v "$PWD":/app -e POSTGRES_PASSWORD=postgres postgres:16.2
postgres://postgres:postgres@localhost:5432/test is refused inside compose, why?
redis://redis:6379/0 works from the container but not from the host
git clone git@github.com:acme/widgets.git asks for a passphrase each time
npm i -D typescript@5.4.5 @types/node@20.12.7 eslint@^8.57.0 --save-exact
pip install 'torch==2.3.1+cu121' --index-url https://download.pytorch.org/whl/cu121
go get golang.org/x/net@v0.0.0-20240102030405-abcdef123456 fails with a checksum mismatch
import "@angular/core"; @Component({selector: 'app-root'}) export class AppComponent {}
@app.route("/users/<int:user_id>") @login_required def show(user_id): ...
@Transactional(readOnly = true) @Query("select u from User u where u.email = :email") Optional<User> find(@Param("email") String email);
Explain `git rebase -i HEAD~5` and what to do with a fixup! commit 3f2a9bc.
git bisect says 9fceb02d0ae598e95dc970b74767f19372d61af8 is the first bad commit, now what?
What is the time complexity of heapq.nlargest(10, items) for n = 1_000_000?
Explain big-endian: is 0x12345678 stored as 12 34 56 78 or 78 56 34 12?
printf("%08.3f\n", 3.14159) prints what?
Why do we write `if __name__ == "__main__":`?
SELECT COUNT(*) FROM t WHERE created_at >= '2024-01-01' AND created_at < '2025-01-01' is slow on 120,000,000 rows
EXPLAIN says Seq Scan on orders (cost=0.00..18334.00 rows=1000000 width=97) (actual time=0.012..95.123 rows=999999 loops=1)
How do I add a column with a default to a table of 500 GB without a lock in Postgres 9.6.24?
UPDATE accounts SET balance = balance - 100.00 WHERE id = 123456789 RETURNING balance;
JWTs: what do the iss, sub, aud, exp and iat claims mean? exp is 1735689600 here.
Decode the header {"alg":"HS256","typ":"JWT"} by hand to base64url.
What is a nonce, and may it be reused with AES-GCM? Ours has 96 bits.
Compare SHA-256, SHA-3-512 and BLAKE2b for content addressing of 4 KB blobs.
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 is the sha256 of the empty string, right?
d41d8cd98f00b204e9800998ecf8427e - which file has this md5?
Why does every ETag from S3 end in -38 for multipart uploads?
UUID v4 against v7: 550e8400-e29b-41d4-a716-446655440000 sorts badly in my index
The GUID {6B29FC40-CA47-1067-B31D-00DD010662DA} appears in the registry, what registers it?
CVE-2021-44228 and CVE-2024-3094: are we affected with log4j 2.17.1 and xz 5.6.0?
RFC 9110 section 15.5.21 or RFC 6585 section 4 for 429?
ISO 8601: is 2024-W05-3T10:15:30+01:00 valid?
Parse "12/11/10 09:08:07" - day first or month first?
Time zones: why does 2024-03-31T02:30:00 not exist in Europe/Berlin?
What is the offset in "Tue, 05 Nov 2024 12:30:45 -0800"?
The commit range v1.2.3..v1.10.0 sorts wrong: 1.10.0 < 1.2.3 as text
Is ^1.2.3 the same as >=1.2.3 <2.0.0, and ~1.2.3 the same as >=1.2.3 <1.3.0?
We run kubernetes 1.29.4-gke.1043002, helm 3.14.4 and istio 1.21.2: are they compatible?
Kernel 5.15.0-105-generic panics, 5.15.0-102-generic does not
Windows update KB5034441 fails with 0x80070643
error LNK2019: unresolved external symbol "public: void __cdecl A::b(int)" (?b@A@@QEAAXH@Z)
Segmentation fault (core dumped) at 0x00007ffff7a42e08 in __memmove_avx_unaligned_erms
warning C4996: 'strcpy': This function may be unsafe. To disable, use _CRT_SECURE_NO_WARNINGS.
ORA-00001: unique constraint (SYS_C0012345) violated, how do I find the table?
java.lang.OutOfMemoryError: GC overhead limit exceeded with -Xmx4096m -XX:MaxMetaspaceSize=512m
CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 23.65 GiB total capacity; 21.97 GiB already allocated)
loss: 0.6931 - accuracy: 0.5012 - val_loss: 0.6930 - val_accuracy: 0.5000 - is my network learning?
torch.Size([32, 3, 224, 224]) vs torch.Size([32, 224, 224, 3]): which one does conv2d want?
Learning rate 3e-4, batch 256, weight decay 0.05, 300 epochs, warmup 10000 steps: reasonable?
lat, lon = 48.858370, 2.294481: distance to 51.500729, -0.124625 in km with haversine
EPSG:4326 to EPSG:3857 for the point (13.377704, 52.516275)
GPIO 17, 27 and 22 on the Pi; I2C device at 0x68, SPI at 1000000 Hz
Convert #ff8800 to hsl, and rgb(12, 34, 56) to hex.
cubic-bezier(0.25, 0.1, 0.25, 1.0) is "ease", so what is "ease-in-out"?
viewBox="0 0 24 24" d="M12 2l3.09 6.26L22 9.27l-5 4.87 1.18 6.88L12 17.77l-6.18 3.25L7 14.14 2 9.27l6.91-1.01L12 2z" draws what?
transform: matrix3d(1,0,0,0,0,1,0,0,0,0,1,0,10,20,30,1) - what does it do?
sed -n '10,20p' file | cut -d: -f1,3 | sort -t: -k2,2n | uniq -c
find . -type f -size +100M -newermt 2024-01-01 ! -path './node_modules/*' -exec ls -lh {} +
chmod 0644 vs 0755 vs 4755: explain each digit
rsync -avz --delete --exclude='.git' ./dist/ deploy@build-7:/srv/www/
ssh user@localhost -p 2222 -L 5433:db:5432 hangs
tar: Removing leading `/' from member names; exit code 2
tcpdump -i any 'port 5432 and tcp[tcpflags] & (tcp-syn) != 0' -nn -c 100
iptables -A INPUT -p tcp --dport 22 -m limit --limit 3/min -j ACCEPT: does this lock me out?
The MAC layer of LoRa against that of Zigbee, in short?
In Excel, =VLOOKUP(A2,Sheet2!$B$2:$D$500,3,FALSE) gives #N/A
=SUMIFS(C:C,A:A,">="&DATE(2024,1,1),B:B,"<>0") counts dates as 45292, why?
Luhn algorithm in Go, without external packages, with table-driven tests please.
Generate fake data with Faker: names, emails, credit cards; how do I seed it with 4321?
Mask all but the last 4 digits: "************1234" from a 16-character string, in Kotlin.
Validate an IBAN in TypeScript: modulo 97 on a string of up to 34 characters.
Write a function that formats a phone number for a country code such as +44 or +1.
Store a phone as VARCHAR(15) or BIGINT?
How long can an e-mail address be, 254 or 320 characters, and what may stand before the @?
Test data for SSNs: which area numbers were never issued (000, 666, 900-999)?
What is the range of private IPv4 addresses and why is 169.254.0.0/16 special?
const total = items.reduce((a, { price, qty }) => a + price * qty, 0).toFixed(2); // NaN, why?
let x: Option<&'static str> = None; match x { Some(s) if s.len() > 3 => {}, _ => {} }
type DeepPartial<T> = { [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> : T[K] };
(defn fib [n] (loop [a 0 b 1 i n] (if (zero? i) a (recur b (+' a b) (dec i)))))
main = interact $ show . sum . map read . lines -- runs out of memory on 10^7 lines
fun <T> List<T>.second(): T = this[1] // why not an extension property?
IF EXISTS (SELECT 1 FROM sys.tables WHERE name = 'Orders_2024') DROP TABLE Orders_2024;
MERGE INTO target t USING source s ON (t.id = s.id) WHEN MATCHED THEN UPDATE SET t.qty = s.qty + 1;
awk 'NR>1 && $3>100 {sum[$1]+=$3} END {for (k in sum) print k, sum[k]}' sales.tsv
what's the token limit? my prompt is 130,417 tokens and it says 128,000 maximum
Write pseudocode for a token bucket: capacity 100, refill 10 per second.
A secret sharing scheme with a threshold of 3 of 5 shares: sketch it in Sage.
Is `secret: false` the default in GitLab CI variables? We have masked: true and protected: true.
The access token expires after 3600 s and the refresh token after 30 d: where should a SPA keep them?
Rotate a client secret without downtime: which order of steps?
Explain PKCE: code_verifier, code_challenge = BASE64URL(SHA256(verifier)), S256.
What does `kubectl create secret generic db --from-literal=password=$DB_PASSWORD` store, and is base64 encryption?
Authorization: Basic <base64 of user:pass> - how do I build it in Elixir?
Why does my CSRF token mismatch? <input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
passwd -l app vs usermod -L app?
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
"password": {"type": "string", "minLength": 12, "description": "The account password"}
password: Optional[SecretStr] = Field(default=None, exclude=True)
assert user.password != "password", "set a real one"
conn = psycopg.connect(host="localhost", user="app", password=os.getenv("PGPASSWORD"), dbname="app")
""".strip().splitlines()
)
