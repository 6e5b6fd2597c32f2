import { UserError } from "../errors";

/** What a worker answers where its task threw a sentence for people: an error's class does not survive the way between threads. */
export interface Refusal {
  userError: string;
}

/** A worker's task. A sentence for people that it throws reaches the asker as one. */
export function telling<Task, Result>(work: (task: Task) => Promise<Result> | Result): (task: Task) => Promise<Result | Refusal> {
  return async (task) => {
    try {
      return await work(task);
    } catch (error) {
      if (error instanceof UserError) return { userError: error.message };
      throw error;
    }
  };
}

/** A worker's answer. @throws UserError where the task threw one */
export function heard<Result>(answer: Result | Refusal): Result {
  if (typeof answer === "object" && answer !== null && "userError" in answer) throw new UserError(answer.userError);
  return answer;
}
