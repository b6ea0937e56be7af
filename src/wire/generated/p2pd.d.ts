// Generated from proto/p2pd.proto by scripts/proto.mjs. Do not edit.
import * as $protobuf from "protobufjs/minimal.js";

export namespace p2pd {

    namespace pb {

        interface IRequest extends p2pd.pb.Request.$Properties {
        }

        class Request {
            constructor(properties?: p2pd.pb.Request.$Properties);
            $unknowns?: Uint8Array[];
            type: number;
            connect: (p2pd.pb.ConnectRequest|null|undefined);
            streamOpen: (p2pd.pb.StreamOpenRequest|null|undefined);
            streamHandler: (p2pd.pb.StreamHandlerRequest|null|undefined);
            dht: (p2pd.pb.DHTRequest|null|undefined);
            connManager: (p2pd.pb.ConnManagerRequest|null|undefined);
            disconnect: (p2pd.pb.DisconnectRequest|null|undefined);
            pubsub: (p2pd.pb.PSRequest|null|undefined);
            dialect: (Uint8Array|null|undefined);
            streamAccept: (p2pd.pb.StreamAcceptRequest|null|undefined);
            onBehalfOf: (Uint8Array|null|undefined);
            static encode(message: p2pd.pb.Request.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.Request;
        }

        namespace Request {
            interface $Properties {
                type: number;
                connect?: (p2pd.pb.ConnectRequest.$Properties|null|undefined);
                streamOpen?: (p2pd.pb.StreamOpenRequest.$Properties|null|undefined);
                streamHandler?: (p2pd.pb.StreamHandlerRequest.$Properties|null|undefined);
                dht?: (p2pd.pb.DHTRequest.$Properties|null|undefined);
                connManager?: (p2pd.pb.ConnManagerRequest.$Properties|null|undefined);
                disconnect?: (p2pd.pb.DisconnectRequest.$Properties|null|undefined);
                pubsub?: (p2pd.pb.PSRequest.$Properties|null|undefined);
                dialect?: (Uint8Array|null|undefined);
                streamAccept?: (p2pd.pb.StreamAcceptRequest.$Properties|null|undefined);
                onBehalfOf?: (Uint8Array|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.Request.$Properties;

            enum Type {
                IDENTIFY = 0,
                CONNECT = 1,
                STREAM_OPEN = 2,
                STREAM_HANDLER = 3,
                DHT = 4,
                LIST_PEERS = 5,
                CONNMANAGER = 6,
                DISCONNECT = 7,
                PUBSUB = 8,
                PEERSTORE_OR_UPGRADE = 9,
                REMOVE_STREAM_HANDLER = 10,
                STREAM_ACCEPT = 100,
                SERVICES = 101,
                BLESSING = 102
            }
        }

        interface IResponse extends p2pd.pb.Response.$Properties {
        }

        class Response {
            constructor(properties?: p2pd.pb.Response.$Properties);
            $unknowns?: Uint8Array[];
            type: number;
            error: (p2pd.pb.ErrorResponse|null|undefined);
            streamInfo: (p2pd.pb.StreamInfo|null|undefined);
            identify: (p2pd.pb.IdentifyResponse|null|undefined);
            dht: (p2pd.pb.DHTResponse|null|undefined);
            peers: p2pd.pb.PeerInfo[];
            pubsub: (p2pd.pb.PSResponse|null|undefined);
            peerStore: (p2pd.pb.PeerStoreResponse|null|undefined);
            services: (p2pd.pb.ServicesResponse|null|undefined);
            blessing: (p2pd.pb.BlessingResponse|null|undefined);
            static encode(message: p2pd.pb.Response.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.Response;
        }

        namespace Response {
            interface $Properties {
                type: number;
                error?: (p2pd.pb.ErrorResponse.$Properties|null|undefined);
                streamInfo?: (p2pd.pb.StreamInfo.$Properties|null|undefined);
                identify?: (p2pd.pb.IdentifyResponse.$Properties|null|undefined);
                dht?: (p2pd.pb.DHTResponse.$Properties|null|undefined);
                peers?: p2pd.pb.PeerInfo.$Properties[];
                pubsub?: (p2pd.pb.PSResponse.$Properties|null|undefined);
                peerStore?: (p2pd.pb.PeerStoreResponse.$Properties|null|undefined);
                services?: (p2pd.pb.ServicesResponse.$Properties|null|undefined);
                blessing?: (p2pd.pb.BlessingResponse.$Properties|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.Response.$Properties;

            enum Type {
                OK = 0,
                ERROR = 1
            }
        }

        interface IIdentifyResponse extends p2pd.pb.IdentifyResponse.$Properties {
        }

        class IdentifyResponse {
            constructor(properties?: p2pd.pb.IdentifyResponse.$Properties);
            $unknowns?: Uint8Array[];
            id: Uint8Array;
            addrs: Uint8Array[];
            static encode(message: p2pd.pb.IdentifyResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.IdentifyResponse;
        }

        namespace IdentifyResponse {
            interface $Properties {
                id: Uint8Array;
                addrs?: Uint8Array[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.IdentifyResponse.$Properties;
        }

        interface IConnectRequest extends p2pd.pb.ConnectRequest.$Properties {
        }

        class ConnectRequest {
            constructor(properties?: p2pd.pb.ConnectRequest.$Properties);
            $unknowns?: Uint8Array[];
            peer: Uint8Array;
            addrs: Uint8Array[];
            timeout: (number|null|undefined);
            static encode(message: p2pd.pb.ConnectRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.ConnectRequest;
        }

        namespace ConnectRequest {
            interface $Properties {
                peer: Uint8Array;
                addrs?: Uint8Array[];
                timeout?: (number|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.ConnectRequest.$Properties;
        }

        interface IDisconnectRequest extends p2pd.pb.DisconnectRequest.$Properties {
        }

        class DisconnectRequest {
            constructor(properties?: p2pd.pb.DisconnectRequest.$Properties);
            $unknowns?: Uint8Array[];
            peer: Uint8Array;
            static encode(message: p2pd.pb.DisconnectRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.DisconnectRequest;
        }

        namespace DisconnectRequest {
            interface $Properties {
                peer: Uint8Array;
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.DisconnectRequest.$Properties;
        }

        interface IStreamOpenRequest extends p2pd.pb.StreamOpenRequest.$Properties {
        }

        class StreamOpenRequest {
            constructor(properties?: p2pd.pb.StreamOpenRequest.$Properties);
            $unknowns?: Uint8Array[];
            peer: Uint8Array;
            proto: string[];
            timeout: (number|null|undefined);
            static encode(message: p2pd.pb.StreamOpenRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.StreamOpenRequest;
        }

        namespace StreamOpenRequest {
            interface $Properties {
                peer: Uint8Array;
                proto?: string[];
                timeout?: (number|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.StreamOpenRequest.$Properties;
        }

        interface IStreamHandlerRequest extends p2pd.pb.StreamHandlerRequest.$Properties {
        }

        class StreamHandlerRequest {
            constructor(properties?: p2pd.pb.StreamHandlerRequest.$Properties);
            $unknowns?: Uint8Array[];
            addr: Uint8Array;
            proto: string[];
            balanced: (boolean|null|undefined);
            static encode(message: p2pd.pb.StreamHandlerRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.StreamHandlerRequest;
        }

        namespace StreamHandlerRequest {
            interface $Properties {
                addr: Uint8Array;
                proto?: string[];
                balanced?: (boolean|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.StreamHandlerRequest.$Properties;
        }

        interface IRemoveStreamHandlerRequest extends p2pd.pb.RemoveStreamHandlerRequest.$Properties {
        }

        class RemoveStreamHandlerRequest {
            constructor(properties?: p2pd.pb.RemoveStreamHandlerRequest.$Properties);
            $unknowns?: Uint8Array[];
            addr: Uint8Array;
            proto: string[];
            static encode(message: p2pd.pb.RemoveStreamHandlerRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.RemoveStreamHandlerRequest;
        }

        namespace RemoveStreamHandlerRequest {
            interface $Properties {
                addr: Uint8Array;
                proto?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.RemoveStreamHandlerRequest.$Properties;
        }

        interface IStreamAcceptRequest extends p2pd.pb.StreamAcceptRequest.$Properties {
        }

        class StreamAcceptRequest {
            constructor(properties?: p2pd.pb.StreamAcceptRequest.$Properties);
            $unknowns?: Uint8Array[];
            proto: string[];
            static encode(message: p2pd.pb.StreamAcceptRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.StreamAcceptRequest;
        }

        namespace StreamAcceptRequest {
            interface $Properties {
                proto?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.StreamAcceptRequest.$Properties;
        }

        interface IServicesResponse extends p2pd.pb.ServicesResponse.$Properties {
        }

        class ServicesResponse {
            constructor(properties?: p2pd.pb.ServicesResponse.$Properties);
            $unknowns?: Uint8Array[];
            daemon: Uint8Array;
            services: p2pd.pb.ServiceInfo[];
            static encode(message: p2pd.pb.ServicesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.ServicesResponse;
        }

        namespace ServicesResponse {
            interface $Properties {
                daemon: Uint8Array;
                services?: p2pd.pb.ServiceInfo.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.ServicesResponse.$Properties;
        }

        interface IServiceInfo extends p2pd.pb.ServiceInfo.$Properties {
        }

        class ServiceInfo {
            constructor(properties?: p2pd.pb.ServiceInfo.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            proto: string;
            owner: string;
            callers: number;
            static encode(message: p2pd.pb.ServiceInfo.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.ServiceInfo;
        }

        namespace ServiceInfo {
            interface $Properties {
                name: string;
                proto: string;
                owner: string;
                callers: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.ServiceInfo.$Properties;
        }

        interface IBlessingResponse extends p2pd.pb.BlessingResponse.$Properties {
        }

        class BlessingResponse {
            constructor(properties?: p2pd.pb.BlessingResponse.$Properties);
            $unknowns?: Uint8Array[];
            envelopes: Uint8Array[];
            static encode(message: p2pd.pb.BlessingResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.BlessingResponse;
        }

        namespace BlessingResponse {
            interface $Properties {
                envelopes?: Uint8Array[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.BlessingResponse.$Properties;
        }

        interface IBlessing extends p2pd.pb.Blessing.$Properties {
        }

        class Blessing {
            constructor(properties?: p2pd.pb.Blessing.$Properties);
            $unknowns?: Uint8Array[];
            issuer: Uint8Array;
            audience: Uint8Array;
            grant: Uint8Array;
            epoch: number;
            notBefore: number;
            expires: number;
            actions: string[];
            resources: string[];
            static encode(message: p2pd.pb.Blessing.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.Blessing;
        }

        namespace Blessing {
            interface $Properties {
                issuer: Uint8Array;
                audience: Uint8Array;
                grant: Uint8Array;
                epoch: number;
                notBefore: number;
                expires: number;
                actions?: string[];
                resources?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.Blessing.$Properties;
        }

        interface IBlessingStatusRequest extends p2pd.pb.BlessingStatusRequest.$Properties {
        }

        class BlessingStatusRequest {
            constructor(properties?: p2pd.pb.BlessingStatusRequest.$Properties);
            $unknowns?: Uint8Array[];
            grant: Uint8Array;
            static encode(message: p2pd.pb.BlessingStatusRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.BlessingStatusRequest;
        }

        namespace BlessingStatusRequest {
            interface $Properties {
                grant: Uint8Array;
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.BlessingStatusRequest.$Properties;
        }

        interface IBlessingStatusResponse extends p2pd.pb.BlessingStatusResponse.$Properties {
        }

        class BlessingStatusResponse {
            constructor(properties?: p2pd.pb.BlessingStatusResponse.$Properties);
            $unknowns?: Uint8Array[];
            stands: boolean;
            epoch: number;
            expires: number;
            static encode(message: p2pd.pb.BlessingStatusResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.BlessingStatusResponse;
        }

        namespace BlessingStatusResponse {
            interface $Properties {
                stands: boolean;
                epoch: number;
                expires: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.BlessingStatusResponse.$Properties;
        }

        interface IErrorResponse extends p2pd.pb.ErrorResponse.$Properties {
        }

        class ErrorResponse {
            constructor(properties?: p2pd.pb.ErrorResponse.$Properties);
            $unknowns?: Uint8Array[];
            msg: string;
            static encode(message: p2pd.pb.ErrorResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.ErrorResponse;
        }

        namespace ErrorResponse {
            interface $Properties {
                msg: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.ErrorResponse.$Properties;
        }

        interface IStreamInfo extends p2pd.pb.StreamInfo.$Properties {
        }

        class StreamInfo {
            constructor(properties?: p2pd.pb.StreamInfo.$Properties);
            $unknowns?: Uint8Array[];
            peer: Uint8Array;
            addr: Uint8Array;
            proto: string;
            static encode(message: p2pd.pb.StreamInfo.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.StreamInfo;
        }

        namespace StreamInfo {
            interface $Properties {
                peer: Uint8Array;
                addr: Uint8Array;
                proto: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.StreamInfo.$Properties;
        }

        interface IPeerInfo extends p2pd.pb.PeerInfo.$Properties {
        }

        class PeerInfo {
            constructor(properties?: p2pd.pb.PeerInfo.$Properties);
            $unknowns?: Uint8Array[];
            id: Uint8Array;
            addrs: Uint8Array[];
            static encode(message: p2pd.pb.PeerInfo.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.PeerInfo;
        }

        namespace PeerInfo {
            interface $Properties {
                id: Uint8Array;
                addrs?: Uint8Array[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.PeerInfo.$Properties;
        }

        interface IDHTRequest extends p2pd.pb.DHTRequest.$Properties {
        }

        class DHTRequest {
            constructor(properties?: p2pd.pb.DHTRequest.$Properties);
            $unknowns?: Uint8Array[];
            type: number;
            peer: (Uint8Array|null|undefined);
            cid: (Uint8Array|null|undefined);
            key: (Uint8Array|null|undefined);
            value: (Uint8Array|null|undefined);
            count: (number|null|undefined);
            timeout: (number|null|undefined);
            static encode(message: p2pd.pb.DHTRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.DHTRequest;
        }

        namespace DHTRequest {
            interface $Properties {
                type: number;
                peer?: (Uint8Array|null|undefined);
                cid?: (Uint8Array|null|undefined);
                key?: (Uint8Array|null|undefined);
                value?: (Uint8Array|null|undefined);
                count?: (number|null|undefined);
                timeout?: (number|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.DHTRequest.$Properties;

            enum Type {
                FIND_PEER = 0,
                FIND_PEERS_CONNECTED_TO_PEER = 1,
                FIND_PROVIDERS = 2,
                GET_CLOSEST_PEERS = 3,
                GET_PUBLIC_KEY = 4,
                GET_VALUE = 5,
                SEARCH_VALUE = 6,
                PUT_VALUE = 7,
                PROVIDE = 8
            }
        }

        interface IDHTResponse extends p2pd.pb.DHTResponse.$Properties {
        }

        class DHTResponse {
            constructor(properties?: p2pd.pb.DHTResponse.$Properties);
            $unknowns?: Uint8Array[];
            type: number;
            peer: (p2pd.pb.PeerInfo|null|undefined);
            value: (Uint8Array|null|undefined);
            static encode(message: p2pd.pb.DHTResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.DHTResponse;
        }

        namespace DHTResponse {
            interface $Properties {
                type: number;
                peer?: (p2pd.pb.PeerInfo.$Properties|null|undefined);
                value?: (Uint8Array|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.DHTResponse.$Properties;

            enum Type {
                BEGIN = 0,
                VALUE = 1,
                END = 2
            }
        }

        interface IConnManagerRequest extends p2pd.pb.ConnManagerRequest.$Properties {
        }

        class ConnManagerRequest {
            constructor(properties?: p2pd.pb.ConnManagerRequest.$Properties);
            $unknowns?: Uint8Array[];
            type: number;
            peer: (Uint8Array|null|undefined);
            tag: (string|null|undefined);
            weight: (number|null|undefined);
            static encode(message: p2pd.pb.ConnManagerRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.ConnManagerRequest;
        }

        namespace ConnManagerRequest {
            interface $Properties {
                type: number;
                peer?: (Uint8Array|null|undefined);
                tag?: (string|null|undefined);
                weight?: (number|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.ConnManagerRequest.$Properties;

            enum Type {
                TAG_PEER = 0,
                UNTAG_PEER = 1,
                TRIM = 2
            }
        }

        interface IPSRequest extends p2pd.pb.PSRequest.$Properties {
        }

        class PSRequest {
            constructor(properties?: p2pd.pb.PSRequest.$Properties);
            $unknowns?: Uint8Array[];
            type: number;
            topic: (string|null|undefined);
            data: (Uint8Array|null|undefined);
            static encode(message: p2pd.pb.PSRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.PSRequest;
        }

        namespace PSRequest {
            interface $Properties {
                type: number;
                topic?: (string|null|undefined);
                data?: (Uint8Array|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.PSRequest.$Properties;

            enum Type {
                GET_TOPICS = 0,
                LIST_PEERS = 1,
                PUBLISH = 2,
                SUBSCRIBE = 3
            }
        }

        interface IPSResponse extends p2pd.pb.PSResponse.$Properties {
        }

        class PSResponse {
            constructor(properties?: p2pd.pb.PSResponse.$Properties);
            $unknowns?: Uint8Array[];
            topics: string[];
            peerIDs: Uint8Array[];
            static encode(message: p2pd.pb.PSResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.PSResponse;
        }

        namespace PSResponse {
            interface $Properties {
                topics?: string[];
                peerIDs?: Uint8Array[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.PSResponse.$Properties;
        }

        interface IPSMessage extends p2pd.pb.PSMessage.$Properties {
        }

        class PSMessage {
            constructor(properties?: p2pd.pb.PSMessage.$Properties);
            $unknowns?: Uint8Array[];
            from: (Uint8Array|null|undefined);
            data: (Uint8Array|null|undefined);
            seqno: (Uint8Array|null|undefined);
            topicIDs: string[];
            signature: (Uint8Array|null|undefined);
            key: (Uint8Array|null|undefined);
            static encode(message: p2pd.pb.PSMessage.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.PSMessage;
        }

        namespace PSMessage {
            interface $Properties {
                from?: (Uint8Array|null|undefined);
                data?: (Uint8Array|null|undefined);
                seqno?: (Uint8Array|null|undefined);
                topicIDs?: string[];
                signature?: (Uint8Array|null|undefined);
                key?: (Uint8Array|null|undefined);
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.PSMessage.$Properties;
        }

        interface IPeerStoreRequest extends p2pd.pb.PeerStoreRequest.$Properties {
        }

        class PeerStoreRequest {
            constructor(properties?: p2pd.pb.PeerStoreRequest.$Properties);
            $unknowns?: Uint8Array[];
            type: number;
            id: (Uint8Array|null|undefined);
            protos: string[];
            static encode(message: p2pd.pb.PeerStoreRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.PeerStoreRequest;
        }

        namespace PeerStoreRequest {
            interface $Properties {
                type: number;
                id?: (Uint8Array|null|undefined);
                protos?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.PeerStoreRequest.$Properties;

            enum Type {
                GET_PROTOCOLS = 1,
                GET_PEER_INFO = 2
            }
        }

        interface IPeerStoreResponse extends p2pd.pb.PeerStoreResponse.$Properties {
        }

        class PeerStoreResponse {
            constructor(properties?: p2pd.pb.PeerStoreResponse.$Properties);
            $unknowns?: Uint8Array[];
            peer: (p2pd.pb.PeerInfo|null|undefined);
            protos: string[];
            static encode(message: p2pd.pb.PeerStoreResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): p2pd.pb.PeerStoreResponse;
        }

        namespace PeerStoreResponse {
            interface $Properties {
                peer?: (p2pd.pb.PeerInfo.$Properties|null|undefined);
                protos?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = p2pd.pb.PeerStoreResponse.$Properties;
        }
    }
}
