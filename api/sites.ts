import { z } from "zod";
import { sitesSchema } from "../lib/gallery/sites";
import { verifiedSchema } from "../lib/sites/verified";
import { ofGallery, type Route } from "./routes";

export const sites: Route[] = [
  ofGallery(
    {
      method: "get",
      path: "/sites",
      permission: "read",
      summary: "The sites that share a gallery: how far each is, who has wiped what was deleted here, and conflicts",
      answers: sitesSchema,
    },
    async ({ gallery }) => gallery.sharing.list(),
  ),
  ofGallery(
    {
      method: "post",
      path: "/sites/verify",
      permission: "write",
      summary: "Read all that the shared database has, and compare it with what is here: minutes, an hour at most",
      answers: verifiedSchema,
    },
    async ({ gallery }) => gallery.sharing.verify(),
  ),
  ofGallery(
    {
      method: "delete",
      path: "/sites/:site",
      permission: "write",
      summary: "Forget a site that will not come back: nobody waits for its receipts any more",
      answers: z.object({ removed: z.string() }),
    },
    async ({ gallery, request }) => {
      const id = request.params["site"] ?? "";
      await gallery.sharing.removeSite(id);
      return { removed: id };
    },
  ),
];
