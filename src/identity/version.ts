/** Of this program, as its package says it; a test compares the two. */
export const pawlVersion = '0.1.0'
