// The fields for a password that is chosen.
import { at } from "/account/parts.js";
import { LENGTH } from "./letter.js";

// As the server has it, which counts bytes.
const FEWEST = 8;
const MOST = 256;

export function begin() {
  at("show").addEventListener("change", () => {
    for (const id of ["password", "again"]) at(id).type = at("show").checked ? "text" : "password";
  });
  for (const id of ["password", "again"]) at(id).addEventListener("input", () => isWrong(id, false));
}

function isWrong(id, wrong) {
  if (wrong) at(id).setAttribute("aria-invalid", "true");
  else at(id).removeAttribute("aria-invalid");
}

// The password, if it can be one; what was typed stays.
export function chosen() {
  const password = at("password").value;
  const bytes = new TextEncoder().encode(password).length;
  const short = bytes < FEWEST || bytes > MOST;
  const other = password !== at("again").value;
  isWrong("password", short);
  isWrong("again", other);
  if (short) throw Object.assign(new Error(LENGTH), { field: "password" });
  if (other) throw Object.assign(new Error("The two are not the same."), { field: "again" });
  return password;
}
