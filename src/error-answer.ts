/** An error of the API as a route's OpenAPI entry says it; all errors have one schema. */
export function errorAnswer(status: 404 | 409 | 412 | 422 | 429, description: string) {
  return { status, description, schema: { $ref: '#/components/schemas/Error' } };
}

export const NOT_FOUND = errorAnswer(404, 'There is none, or it is not yours.');
