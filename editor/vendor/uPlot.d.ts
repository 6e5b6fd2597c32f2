/** scripts/build.mjs lays uPlot's module here, for the browser. */
export { default } from "uplot";
