// The server's answers, or an Error whose message a visitor may read.

async function send(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) {
    const words =
      answer?.error ??
      (response.status === 503
        ? "The server is busy. Try again in a moment."
        : `The server answered ${response.status}.`);
    throw Object.assign(new Error(words), { status: response.status });
  }
  return answer;
}

export const options = () => send("GET", "api/options");
export const newGame = (setup) => send("POST", "api/games", setup);
export const game = (id) => send("GET", `api/games/${id}`);
export const order = (id, round, action) => send("POST", `api/games/${id}/orders`, { round, action });
export const quote = (id, round, [ask, bid]) => send("POST", `api/games/${id}/quotes`, { round, ask, bid });
export const watch = (setup) => send("POST", "api/matches", setup);
export const replay = (text) => send("POST", "api/replays", text);
