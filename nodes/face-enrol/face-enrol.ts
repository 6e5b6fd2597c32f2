import type { Node, NodeAPI, NodeDef } from "node-red";
import { changeGallery, changesGallery } from "../../lib/gallery/by-message";
import type { Gallery } from "../../lib/gallery/gallery";
import { evaluate } from "../common/evaluate";
import { onInput } from "../common/on-input";
import { requireVariables } from "../common/options";
import { failToStart, liveStatus, shortName } from "../common/status";
import { type FaceGalleryNode, galleryNodeOf, whenOpen } from "../face-gallery/face-gallery";
import { speakAs } from "../common/language";

export interface FaceEnrolDef extends NodeDef {
  gallery: string;
  /** Who is enrolled, where the message says neither `enrol` nor `forget`: a typedInput. */
  person: string;
  personType: string;
}

export default function register(RED: NodeAPI): void {
  speakAs(RED);
  function FaceEnrol(this: Node, def: FaceEnrolDef): void {
    RED.nodes.createNode(this, def);
    let people: FaceGalleryNode;
    try {
      requireVariables({ ...def });
      people = galleryNodeOf(RED, def.gallery);
    } catch (error) {
      failToStart(this, error);
      return;
    }
    const show = liveStatus(this);
    const follow = (gallery: Gallery): void => {
      const tell = (): void =>
        show({
          fill: "grey",
          shape: "dot",
          text: RED._("face-enrol.status.people", { number: gallery.people.length }),
        });
      gallery.on("change", tell);
      this.on("close", () => gallery.off("change", tell));
      tell();
    };
    people.gallery.then(follow, () =>
      this.status({ fill: "red", shape: "ring", text: RED._("face-enrol.status.gallery") }),
    );
    onInput(
      this,
      async (message, send) => {
        const gallery = await whenOpen(people);
        if (!changesGallery(message) && def.person)
          message["enrol"] = await evaluate(RED, this, { value: def.person, type: def.personType || "msg" }, message);
        const { name, photos } = await changeGallery(message, gallery);
        show({ fill: "blue", shape: "dot", text: `${shortName(name)} · ${photos}` });
        send(message);
      },
      // A photo that somebody waits for never gives way to a newer one.
      { policy: "queue" },
    );
  }
  RED.nodes.registerType("face-enrol", FaceEnrol);
}
