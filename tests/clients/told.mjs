// What a client's program says of its checks: one JSON object, the name of each check to what came of it.
export const URL = process.env.GUARDHOUSE_URL;
export const KEY = process.env.GUARDHOUSE_KEY;
export const MODEL = "gpt-4o-mini";
export const HELLO = "I am ada@example.com";

export async function run(checks, failed) {
  const told = {};
  for (const [name, check] of Object.entries(checks)) {
    try {
      told[name] = await check();
    } catch (error) {
      told[name] = failed(error);
    }
  }
  process.stdout.write(JSON.stringify(told));
}
