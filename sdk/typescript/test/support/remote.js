// A Host (host.js) from afar: every method is a call over HTTP, by web standards only.

/** The host behind `url`. */
export function remote(url) {
  return new Proxy({}, {
    get: (_, method) => async (...args) => {
      if (method === "then") return undefined;
      const answer = await fetch(url, { method: "POST", body: JSON.stringify({ method, args }) });
      const { value, failure } = await answer.json();
      if (failure !== undefined) throw new Error(`${String(method)}: ${failure}`);
      return value;
    },
  });
}
